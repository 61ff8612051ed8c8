import { isIPv4 } from 'node:net'
import { basicCredential, type Credential } from '../../kit/http/index.ts'

/** Who logs in at one machine, by a `.netrc`. */
export interface Login {
  /** In lower case. */
  readonly machine: string
  readonly user: string
  readonly password: string
}

/**
 * The logins of a `.netrc`, as curl and Python read it: words after `machine`, quoted or not, comments and macros passed over. `default` is left out:
 * it would tell a password to whatever host a page names. What cannot be understood is passed over, as others do.
 */
export function parseNetrc(text: string): Login[] {
  const logins: Login[] = []
  let open: { machine: string; login?: string; password?: string } | undefined
  const close = () => {
    if (open?.password !== undefined) logins.push({ machine: open.machine, user: open.login ?? '', password: open.password })
    open = undefined
  }
  const words = wordsOf(text)
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === 'machine') {
      close()
      const machine = words[++at]
      if (machine !== undefined) open = { machine: machine.toLowerCase() }
    } else if (word === 'default') close()
    else if (word === 'login' || word === 'user') open = given(open, 'login', words[++at])
    else if (word === 'password') open = given(open, 'password', words[++at])
    else if (word === 'account') at++
  }
  close()
  return logins
}

function given<T extends object>(open: T | undefined, key: 'login' | 'password', value: string | undefined): T | undefined {
  return open === undefined || value === undefined ? open : { ...open, [key]: value }
}

function wordsOf(text: string): string[] {
  // A macro ends at an empty line.
  const plain = text.replaceAll(/^[ \t]*macdef\b[^]*?(?:\n[ \t]*\n|$(?![^]))/gm, '\n').replaceAll(/^[ \t]*#.*$/gm, '')
  return plain.match(/"(?:\\.|[^"\\])*"|\S+/g)?.map(unquoted) ?? []
}

function unquoted(word: string): string {
  return word.length > 1 && word.startsWith('"') && word.endsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word
}

/** The login for an address: over TLS, or on this machine, since a `.netrc` does not say that a password may go in the clear. */
export function loginAt(logins: readonly Login[], address: URL): Credential | undefined {
  const { hostname, origin, protocol } = address
  if (protocol !== 'https:' && !isThisMachine(hostname)) return undefined
  const login = logins.find(({ machine }) => machine === hostname)
  return login === undefined ? undefined : basicCredential(origin, login.user, login.password)
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}
