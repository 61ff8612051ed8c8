import { Fault } from './fault.ts'

/** A word of a command line in a systemd unit (systemd.service(5), "Command lines"): `%` and `$` have a meaning, quotes and backslashes as in C. */
export function unitWord(word: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(word)) throw new Fault('invalid', `a unit cannot hold this word: ${JSON.stringify(word)}`)
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, '\\$&')}"`
}
