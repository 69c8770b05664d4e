// What the static pages do besides being read: the colours chosen in the app, and printing.

const theme = (() => {
  try {
    return localStorage.getItem("headstart-theme");
  } catch {
    // Storage is forbidden: the system's colours will do.
    return null;
  }
})();
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      // The stylesheet leaves out the rest.
      document.documentElement.dataset.print = button.dataset.print;
      window.print();
    });
  }
  window.addEventListener("afterprint", () => delete document.documentElement.dataset.print);
});
