/** The programs in the documentation: every block marked `ts`. */

export interface Example {
  /** `docs/library.md:21` */
  readonly place: string
  /** The nearest heading above it. */
  readonly title: string
  readonly code: string
}

export function examplesOf(file: string, text: string): Example[] {
  const examples: Example[] = []
  let title = file
  let open: { line: number; code: string[] } | undefined
  text.split('\n').forEach((line, index) => {
    if (open !== undefined && line.startsWith('```')) {
      examples.push({ place: `${file}:${open.line}`, title, code: `${open.code.join('\n')}\n` })
      open = undefined
    } else if (open !== undefined) open.code.push(line)
    else if (/^```ts\s*$/.test(line)) open = { line: index + 1, code: [] }
    else title = /^#+\s+(.*)$/.exec(line)?.[1] ?? title
  })
  return examples
}
