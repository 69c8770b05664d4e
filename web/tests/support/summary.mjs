// A reporter that prints the run's totals as `# tests 12`, `# pass 12`, `# fail 0`: the form that node's TAP reporter uses, for programs that read them.

export default async function* summary(source) {
  for await (const event of source) {
    const total = event.type === "test:diagnostic" && /^(tests|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.exec(event.data.message);
    if (total) yield `# ${total[0]}\n`;
  }
}
