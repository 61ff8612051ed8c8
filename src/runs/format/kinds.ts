const metadata = new Set(['meta.json', 'status.json', 'summary.json', 'environment.json', 'artifacts_created.json', 'artifacts_used.json'])
const appendOnly = new Set(['events.jsonl', 'logs.txt'])

/** Whether the manifest 1.0 lists a file of this path below a run's folder. */
export function isListed(path: string): boolean {
  return metadata.has(path) || appendOnly.has(path)
}

/** Whether the manifest 1.0 says that the file is only appended to. */
export function isAppendOnly(path: string): boolean {
  return appendOnly.has(path)
}

/** As the manifest 1.0 has it: 1 metadata, 2 essential, 0 any other. */
export function priorityOf(path: string): number {
  return metadata.has(path) ? 1 : appendOnly.has(path) ? 2 : 0
}
