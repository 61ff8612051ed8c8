import { stripVTControlCharacters } from 'node:util'

// Made when first needed: plain text has none of it, and it takes ten milliseconds.
let segmenter: Intl.Segmenter | undefined
// Unicode's East Asian Width (UAX 11), classes W and F, in blocks.
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}|\ufe0f/u
const zero = /^[\p{Mn}\p{Me}\p{Cf}]+$/u

/** Terminal cells that the text takes; colour codes take none. */
export function displayWidth(text: string): number {
  const bare = stripVTControlCharacters(text)
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007f]*$/.test(bare)) return bare.length
  let width = 0
  for (const { segment } of graphemesIn(bare)) width += cellsOf(segment)
  return width
}

/** The text in at most `width` cells, ending in an ellipsis where something was cut. Without colour codes. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  if (width <= 0) return ''
  let kept = ''
  let used = 0
  for (const { segment } of graphemesIn(text)) {
    const cells = cellsOf(segment)
    if (used + cells > width - 1) break
    kept += segment
    used += cells
  }
  return `${kept}…`
}

export function padTo(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'left' ? text + fill : fill + text
}

/** Lines of at most `width` cells, broken at spaces. A longer word is broken where it must be, or kept whole on a line of its own. */
export function wrapText(text: string, width: number, longWords: 'break' | 'keep' = 'break'): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (let word of paragraph.split(' ')) {
      if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
        lines.push(line)
        line = ''
      }
      while (longWords === 'break' && displayWidth(word) > width) {
        const head = truncate(word, width + 1).slice(0, -1)
        if (head === '') break
        lines.push(head)
        word = word.slice(head.length)
      }
      line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}

/** Text from outside, with control characters shown and not obeyed: a name in a store must not drive the terminal. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (mark) => {
    return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** The same as one line: ends of lines and tabs are shown as well. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

function graphemesIn(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return segmenter.segment(text)
}

function cellsOf(grapheme: string): number {
  if (wide.test(grapheme)) return 2
  return zero.test(grapheme) ? 0 : 1
}
