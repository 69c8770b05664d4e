// Writes zip archives byte by byte, broken and malicious ones included, and reads plain ones.

import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";

const UTF8_NAMES = 0x0800;
const ENCRYPTED = 0x0001;
const STORED = 0;
const DEFLATED = 8;

/**
 * @typedef {object} Entry
 * @property {string | Buffer} path  a Buffer is written as it is, without saying that it is UTF-8
 * @property {Buffer} [data]         what the entry holds
 * @property {boolean} [deflate]     deflated instead of stored
 * @property {boolean} [encrypted]   marked as locked by a password; the data stands for the scrambled bytes
 * @property {{bytes: Buffer, size: number}} [deflated]  ready-made deflate data and the size that it claims to unpack to
 */

/**
 * @param {Entry[]} entries
 * @returns {Buffer}
 */
export function zip(entries) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const entry of entries) {
    const { header, name, body } = pack(entry);
    const local = Buffer.concat([signed(0x04034b50, header), name, body]);
    directory.push(directoryEntry(header, name, offset));
    parts.push(local);
    offset += local.length;
  }
  return Buffer.concat([...parts, end(directory, offset)]);
}

/**
 * One entry's data under many names: the archive is small, what it unpacks to is not.
 *
 * @param {string[]} paths
 * @param {Entry} entry
 */
export function overlappingZip(paths, entry) {
  const { header, body } = pack(entry);
  const first = Buffer.from(paths[0]);
  const local = Buffer.concat([signed(0x04034b50, withNameLength(header, first)), first, body]);
  const directory = paths.map((path) => {
    const name = Buffer.from(path);
    return directoryEntry(withNameLength(header, name), name, 0);
  });
  return Buffer.concat([local, end(directory, local.length)]);
}

/**
 * `head` followed by `zeros` zero bytes, deflated without ever holding them all.
 * One flushed piece of deflated zeros stands on its own, so it can be repeated.
 *
 * @param {Buffer} head
 * @param {number} zeros a multiple of 8 MiB
 */
export function deflatedZeros(head, zeros) {
  const pieceSize = 8 * 1024 * 1024;
  const flushed = (data) => deflateRawSync(data, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const piece = flushed(Buffer.alloc(pieceSize));
  const last = deflateRawSync(Buffer.alloc(0));
  const pieces = Array.from({ length: zeros / pieceSize }, () => piece);
  return { bytes: Buffer.concat([flushed(head), ...pieces, last]), size: head.length + zeros };
}

/**
 * The files of a plain archive: one part, no passwords, no 64-bit records.
 *
 * @param {Buffer} archive
 * @returns {{path: string, data: Buffer}[]} in the directory's order
 */
export function unzip(archive) {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) throw new Error("not a zip");
  const files = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const method = archive.readUInt16LE(at + 10);
    const size = archive.readUInt32LE(at + 20);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field));
    const path = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(start, start + size);
    if (!path.endsWith("/")) files.push({ path, data: method === STORED ? packed : inflateRawSync(packed) });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}

// The fields that a local header and a directory entry share.
function pack({ path, data = Buffer.alloc(0), deflate = false, encrypted = false, deflated }) {
  const name = Buffer.isBuffer(path) ? path : Buffer.from(path);
  const body = deflated ? deflated.bytes : deflate ? deflateRawSync(data) : data;
  const header = Buffer.alloc(26);
  header.writeUInt16LE(20, 0);
  header.writeUInt16LE((Buffer.isBuffer(path) ? 0 : UTF8_NAMES) | (encrypted ? ENCRYPTED : 0), 2);
  header.writeUInt16LE(deflate || deflated ? DEFLATED : STORED, 4);
  header.writeUInt16LE(0, 6);
  header.writeUInt16LE(0x21, 8); // 1 January 1980
  header.writeUInt32LE(deflated ? 0 : crc32(data), 10);
  header.writeUInt32LE(body.length, 14);
  header.writeUInt32LE(deflated ? deflated.size : data.length, 18);
  header.writeUInt16LE(name.length, 22);
  return { header, name, body };
}

function withNameLength(header, name) {
  const copy = Buffer.from(header);
  copy.writeUInt16LE(name.length, 22);
  return copy;
}

function signed(signature, header) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(signature);
  return Buffer.concat([bytes, header]);
}

function directoryEntry(header, name, offset) {
  const madeBy = Buffer.from([20, 0]);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([signed(0x02014b50, Buffer.concat([madeBy, header, rest])), name]);
}

function end(directory, offset) {
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  // More than 65,535 entries would need the 64-bit records; no test does.
  record.writeUInt16LE(directory.length, 8);
  record.writeUInt16LE(directory.length, 10);
  record.writeUInt32LE(size, 12);
  record.writeUInt32LE(offset, 16);
  return Buffer.concat([...directory, record]);
}
