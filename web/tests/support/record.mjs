// Checks a run record against the form that the design fixes, and its numbers against each other.

import assert from "node:assert/strict";

export function checkRecord(record) {
  assert.equal(record.headstart, 1);
  assert.equal(typeof record.backbone, "string");
  assert.match(record.device, /^(cpu|webgpu)$/);
  assert.equal(typeof record.adapter, "string");
  assert.ok(Number.isInteger(record.seed));
  assert.equal(typeof record.settings, "object");
  assert.ok(record.classes.length >= 2 && record.classes.every((name) => typeof name === "string"));

  for (const part of ["train", "validation", "test"]) {
    assert.ok(Number.isInteger(record.split[part]) && record.split[part] >= 0, `split.${part} is ${record.split[part]}`);
  }

  assert.ok(record.history.length > 0);
  for (const [index, epoch] of record.history.entries()) {
    assert.equal(epoch.epoch, index + 1);
    assert.ok(Number.isFinite(epoch.train_loss) && epoch.train_loss >= 0);
    share(epoch.train_accuracy);
    if (record.split.validation > 0) {
      assert.ok(Number.isFinite(epoch.validation_loss) && epoch.validation_loss >= 0);
      share(epoch.validation_accuracy);
    }
  }

  evaluation(record.test, record.split.test, record.classes.length);
  if ("validation" in record) evaluation(record.validation, record.split.validation, record.classes.length);
  for (const timing of ["load_backbone", "embed", "train"]) {
    assert.ok(Number.isFinite(record.timings_ms[timing]) && record.timings_ms[timing] >= 0, `timings_ms.${timing} is ${record.timings_ms[timing]}`);
  }
}

/** An accuracy and its confusion matrix, or null where a part has no images. */
function evaluation(result, images, classes) {
  if (images === 0) {
    assert.equal(result, null);
    return;
  }
  share(result.accuracy);
  assert.equal(result.confusion.length, classes);
  assert.ok(result.confusion.every((row) => row.length === classes && row.every((count) => Number.isInteger(count) && count >= 0)));
  const total = result.confusion.flat().reduce((sum, count) => sum + count, 0);
  assert.equal(total, images, "the confusion matrix counts every image once");
  const right = result.confusion.reduce((sum, row, index) => sum + row[index], 0);
  assert.ok(Math.abs(result.accuracy - right / total) < 1e-6, "the accuracy is the diagonal's share");
}

function share(value) {
  assert.ok(Number.isFinite(value) && value >= 0 && value <= 1, `${value} is no share`);
}
