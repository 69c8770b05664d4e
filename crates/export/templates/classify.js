"use strict";

(async () => {
  const at = (id) => document.getElementById(id);
  const about = JSON.parse(at("about").textContent);
  const video = at("video");
  const canvas = document.createElement("canvas");
  // Pixels are read back, which is slow from a canvas on the graphics card.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // A picture's shorter side is brought down to this before the model scales it, as on Headstart's page.
  const LONGEST_COPY_PX = 1024;
  // How often a screen reader is told what the camera sees.
  const NEWS_MS = 4000;
  let classifier;
  let stream = null;
  let facing = "user";
  let newest = 0;
  let toldAt = 0;

  for (const name of about.classes) {
    at("classes").append(Object.assign(document.createElement("li"), { textContent: name }));
  }
  const bars = about.classes.map((name, index) => {
    const row = document.createElement("li");
    row.className = "meter";
    row.style.setProperty("--class-color", `var(--class-${index % 10})`);
    const label = Object.assign(document.createElement("span"), { textContent: name });
    const value = Object.assign(document.createElement("span"), { className: "meter-value" });
    const bar = Object.assign(document.createElement("span"), { className: "meter-bar" });
    label.setAttribute("aria-hidden", "true");
    value.setAttribute("aria-hidden", "true");
    bar.setAttribute("role", "meter");
    bar.setAttribute("aria-label", name);
    bar.setAttribute("aria-valuemin", "0");
    bar.setAttribute("aria-valuemax", "1");
    row.append(label, value, bar);
    at("meters").append(row);
    return { row, value, bar };
  });

  try {
    const wasm = new Blob([bytes("wasm")]).stream().pipeThrough(new DecompressionStream("gzip"));
    await wasm_bindgen({ module_or_path: await new Response(wasm).arrayBuffer() });
    classifier = new wasm_bindgen.Classifier(about.backbone, bytes("weights"), bytes("trained"));
  } catch (error) {
    console.error(error);
    at("hint").hidden = true;
    problem("This browser cannot run the model. A newer one can: Chrome or Edge 91, Firefox 113 or Safari 16.4.");
    return;
  }
  at("camera").disabled = false;
  at("file").disabled = false;
  at("hint").textContent = "Use the webcam, or choose, drop or paste an image.";

  at("camera").addEventListener("click", () => (stream ? closeCamera() : openCamera()));
  at("turn").addEventListener("click", () => {
    facing = facing === "user" ? "environment" : "user";
    openCamera();
  });
  at("file").addEventListener("change", () => {
    show(at("file").files);
    // The same file can be chosen again.
    at("file").value = "";
  });
  document.addEventListener("paste", (event) => show(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    at("drop").classList.add("is-over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) at("drop").classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    at("drop").classList.remove("is-over");
    show(event.dataTransfer.files);
  });

  /** What an element holds in base64. */
  function bytes(id) {
    const text = atob(at(id).textContent.trim());
    at(id).remove();
    const array = new Uint8Array(text.length);
    for (let index = 0; index < array.length; index += 1) array[index] = text.charCodeAt(index);
    return array;
  }

  function problem(text) {
    at("problem").textContent = text;
  }

  /** Classifies the first of some files. */
  async function show(files) {
    const file = files[0];
    if (!file) return;
    closeCamera();
    problem("");
    newest += 1;
    const request = newest;
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      problem(`${file.name} is not an image that this browser can read.`);
      return;
    }
    if (request !== newest) return bitmap.close();
    const picture = at("picture");
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(file);
    picture.alt = file.name;
    picture.hidden = false;
    at("stage").hidden = false;
    toldAt = 0;
    await classify(bitmap, bitmap.width, bitmap.height, request);
    bitmap.close();
  }

  async function openCamera() {
    closeCamera();
    problem("");
    newest += 1;
    const request = newest;
    if (!navigator.mediaDevices) {
      problem("This browser does not let files use the webcam. Another browser may; images work here, too.");
      return;
    }
    let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: facing, width: { ideal: 640 } } });
    } catch (error) {
      problem(
        error.name === "NotFoundError"
          ? "There is no webcam here."
          : "The webcam cannot be used. Perhaps it is not allowed, or another program uses it.",
      );
      return;
    }
    if (request !== newest) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    at("camera").setAttribute("aria-pressed", "true");
    at("picture").hidden = true;
    at("stage").hidden = false;
    video.hidden = false;
    const [track] = stream.getVideoTracks();
    // A front camera is shown as a mirror is; the model sees the picture as it is.
    video.classList.toggle("is-mirrored", (track.getSettings().facingMode ?? facing) === "user");
    track.addEventListener("ended", closeCamera);
    video.srcObject = stream;
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    at("turn").hidden = cameras.length < 2;
    at("turn-text").textContent = facing === "user" ? "Use back camera" : "Use front camera";
    await video.play().catch(() => {});
    toldAt = 0;
    while (request === newest) {
      if (video.videoWidth > 0 && !document.hidden) {
        await classify(video, video.videoWidth, video.videoHeight, request);
      }
      // The page stays quick between two frames.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  }

  function closeCamera() {
    if (!stream) return;
    newest += 1;
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    video.hidden = true;
    at("stage").hidden = true;
    at("turn").hidden = true;
    at("answer").hidden = true;
    at("camera").setAttribute("aria-pressed", "false");
  }

  /** Asks the model, and shows its answer unless something newer is to be shown. */
  async function classify(source, width, height, request) {
    const scale = Math.min(1, LONGEST_COPY_PX / Math.min(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    try {
      const judgement = await classifier.classify(data, canvas.width, canvas.height);
      const { probabilities, familiarity } = judgement;
      judgement.free();
      if (request === newest) answer(probabilities, familiarity);
    } catch (error) {
      console.error(error);
      closeCamera();
      problem("The model could not look at this image. Please load this page again.");
    }
  }

  function answer(probabilities, familiarity) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    const isUnknown = about.threshold !== null && familiarity < about.threshold;
    const strong = document.createElement("strong");
    strong.textContent = isUnknown ? "None of these" : about.classes[top];
    strong.style.setProperty("--class-color", isUnknown ? "inherit" : `var(--class-${top % 10})`);
    at("line").replaceChildren(...(isUnknown ? [strong] : ["It looks like ", strong]));
    at("meters").classList.toggle("is-muted", isUnknown);
    probabilities.forEach((probability, index) => {
      const { row, value, bar } = bars[index];
      const percent = `${Math.round(probability * 100)}%`;
      row.classList.toggle("is-top", index === top);
      row.style.setProperty("--value", probability.toFixed(4));
      value.textContent = percent;
      bar.setAttribute("aria-valuenow", probability.toFixed(4));
      bar.setAttribute("aria-valuetext", percent);
    });
    at("hint").hidden = true;
    at("answer").hidden = false;
    if (performance.now() - toldAt > NEWS_MS || toldAt === 0) {
      toldAt = performance.now();
      at("news").textContent = isUnknown ? "It looks like none of the classes." : `It looks like ${about.classes[top]}.`;
    }
  }
})();
