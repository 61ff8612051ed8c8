import { Fault } from '../fault.ts'
import { keepSecret } from '../redact.ts'

/** Headers that are sent to one origin alone. */
export interface Credential {
  /** As `URL.origin` writes it: `https://host` or `https://host:port`. */
  readonly origin: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

export interface HttpUrl {
  /** Without user and password. */
  readonly url: URL
  /** The user and password that were in it. */
  readonly credential?: Credential | undefined
}

/**
 * An http or https URL. One with a `base` is what a server wrote, relative to that: its user and password are no credential, and no secret of
 * ours, or whoever writes pages could have any word hidden from all messages. Throws `invalid` for any other text.
 */
export function parseHttpUrl(text: string, base?: URL): HttpUrl {
  const url = URL.parse(text, base?.href)
  if (url === null) throw new Fault('invalid', `not a URL: ${JSON.stringify(text.slice(0, 200))}`)
  const { username, password } = url
  // A user alone is a token more often than a name.
  if (base === undefined) keepSecret(password === '' ? username : password)
  url.username = ''
  url.password = ''
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Fault('invalid', `not an http or https URL: ${url.href.slice(0, 200)}`)
  }
  if (base !== undefined || (username === '' && password === '')) return { url }
  return { url, credential: basicCredential(url.origin, decoded(username), decoded(password)) }
}

/** User and password as HTTP sends them (RFC 7617). */
export function basicCredential(origin: string, user: string, password: string): Credential {
  const encoded = Buffer.from(`${user}:${password}`).toString('base64')
  for (const secret of [password === '' ? user : password, encoded]) keepSecret(secret)
  return { origin, headers: { authorization: `Basic ${encoded}` } }
}

/** Without its fragment, which is not sent. */
export function addressOf(url: URL): string {
  return url.hash === '' ? url.href : url.href.slice(0, -url.hash.length)
}

/** What may be told to an origin that the request was not made for. */
const open = /^(accept|accept-.*|user-agent|range|if-.*|cache-control|content-.*)$/

/** The headers for one origin: those of the request where it was made for this origin, else the harmless ones; and its credential. */
export function headersFor(
  origin: string,
  request: { readonly origin: string; readonly headers: Readonly<Record<string, string>> },
  credentials: readonly Credential[],
): Record<string, string> {
  const own = Object.entries(request.headers).filter(([name]) => origin === request.origin || open.test(name))
  const secret = credentials.find((credential) => credential.origin === origin)?.headers
  return { ...secret, ...Object.fromEntries(own) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
