/** The links of the documentation: every relative one leads to a file and a heading that are there, and every page is reached. */
import path from 'node:path'

export interface Page {
  /** Relative to the root, with slashes. */
  readonly file: string
  readonly text: string
}

/** What is wrong, as `file:line: reason`. `exists` answers for files that are not pages. */
export function findBrokenLinks(pages: readonly Page[], start: string, exists: (file: string) => boolean): string[] {
  const byFile = new Map(pages.map((page) => [page.file, page]))
  const reached = new Set([start])
  const wrong: string[] = []
  for (const file of reached) {
    for (const { target, line } of linksOf(byFile.get(file)?.text ?? '')) {
      const [name = '', anchor] = target.split('#')
      const aim = name === '' ? file : path.posix.join(path.posix.dirname(file), decodeURIComponent(name))
      const page = byFile.get(aim)
      if (page === undefined && !exists(aim)) wrong.push(`${file}:${line}: ${target} leads to ${aim}, which is not there`)
      else if (anchor !== undefined && page !== undefined && !anchorsOf(page.text).has(anchor)) {
        wrong.push(`${file}:${line}: ${target}: ${aim} has no heading #${anchor}`)
      }
      if (page !== undefined) reached.add(aim)
    }
  }
  const lost = pages.filter(({ file }) => !reached.has(file)).map(({ file }) => `${file}:1: no link leads here from ${start}`)
  return [...wrong, ...lost]
}

/** Links and images with a relative target, outside of code. */
function linksOf(text: string): { target: string; line: number }[] {
  return withoutCode(text)
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\s*\[[^\]]+\]:\s*(\S+)/g)]
        .map((match) => ({ target: match[1] ?? match[2]!, line: index + 1 }))
        .filter(({ target }) => !/^[a-z][a-z0-9+.-]*:/i.test(target)),
    )
}

/** The names of headings, made as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, title] of text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const name = title!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-')
    let unique = name
    for (let count = 1; anchors.has(unique); count++) unique = `${name}-${count}`
    anchors.add(unique)
  }
  return anchors
}

function withoutCode(text: string): string {
  return text.replaceAll(/^(```|~~~)[\s\S]*?^\1|`[^`\n]*`/gm, (code) => code.replaceAll(/[^\n]/g, ' '))
}
