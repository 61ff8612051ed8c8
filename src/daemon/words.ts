import { Fault } from '../kit/index.ts'

/**
 * A command line as words, as a shell would part it: quotes and backslashes count, nothing is expanded. Throws `invalid` for a quote that
 * is not closed, and for what only a shell can do.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [piece] of line.matchAll(/\s+|"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\]+|["'\\]/gs)) {
    if (/^\s/.test(piece)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + textOf(piece)
  }
  if (word !== undefined) words.push(word)
  if (words.length === 0) throw new Fault('invalid', 'the command is empty', { hint: 'write what follows the word holdfast' })
  return words[0] === 'holdfast' ? words.slice(1) : words
}

/** The words as a line that parts into them again. */
export function lineOf(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

function textOf(piece: string): string {
  if (piece.length === 1 && /["'\\]/.test(piece))
    throw new Fault('invalid', `a ${piece === '\\' ? 'backslash' : 'quote'} without its end`, {
      hint: 'close it, or put it in other quotes',
    })
  if (piece.startsWith("'")) return piece.slice(1, -1)
  if (piece.startsWith('"')) return piece.slice(1, -1).replaceAll(/\\(["\\$`])/g, '$1')
  if (piece.startsWith('\\')) return piece.slice(1)
  const strange = /[|&;<>`]|\$\(/.exec(piece)?.[0]
  if (strange === undefined) return piece
  throw new Fault('invalid', `${strange} is for a shell, and a job is one command of holdfast`, {
    hint: 'write a job for each command, the second with `after`; or put it in quotes where it is meant as it stands',
  })
}
