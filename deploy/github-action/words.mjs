/**
 * The words of a line, as a shell divides them and without anything else that a shell does: no variables, no patterns, no
 * pipes. 'single' and "double" quotes hold words together; a backslash takes the next character as it is, but not in single
 * quotes. Undefined where a quote is not closed.
 */
export function wordsOf(line) {
  const words = []
  let word
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const letter = line[at]
    if (quote === '' && /\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    word ??= ''
    if (letter === quote) quote = ''
    else if (quote === '' && (letter === '"' || letter === "'")) quote = letter
    else if (letter === '\\' && quote !== "'" && at + 1 < line.length) word += line[++at]
    else word += letter
  }
  if (quote !== '') return undefined
  if (word !== undefined) words.push(word)
  return words
}
