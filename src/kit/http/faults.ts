import { errno } from '../disk.ts'
import { Fault, type FaultCode } from '../fault.ts'

/** What the other side says about itself when it refuses. */
export interface Refusal {
  readonly status: number
  /** Method and address, for people. */
  readonly what: string
  readonly at: string
  readonly hadCredential: boolean
  /** From the answer's body: one line, or nothing. */
  readonly words: string
  readonly retryAfter: number | undefined
}

/** An answer that is a refusal, as a Fault. */
export function statusFault({ status, what, at, hadCredential, words, retryAfter }: Refusal): Fault {
  const { code, says } = meaningOf(status)
  const hint =
    code !== 'denied'
      ? undefined
      : hadCredential
        ? 'the credentials that were sent do not allow it: check that they are right, not expired, and may read this'
        : 'no credentials were sent: it may need some'
  const why = words === '' ? '' : ` (${words})`
  return new Fault(code, `${what} was answered with ${status}: ${says}${why}`, { at, hint, retryAfter })
}

const meanings: Readonly<Record<number, { code: FaultCode; says: string }>> = {
  401: { code: 'denied', says: 'credentials are needed' },
  403: { code: 'denied', says: 'it is not allowed' },
  404: { code: 'not-found', says: 'it is not there' },
  405: { code: 'unsupported', says: 'the server does not do this' },
  407: { code: 'denied', says: 'the proxy wants credentials' },
  408: { code: 'unavailable', says: 'the server waited too long' },
  410: { code: 'not-found', says: 'it is gone' },
  412: { code: 'precondition', says: 'it is not what was expected' },
  425: { code: 'unavailable', says: 'too early' },
  429: { code: 'unavailable', says: 'too many requests' },
  451: { code: 'denied', says: 'it is withheld for legal reasons' },
  501: { code: 'unsupported', says: 'the server does not do this' },
  503: { code: 'unavailable', says: 'the server is overloaded or closed' },
}

function meaningOf(status: number): { code: FaultCode; says: string } {
  const known = meanings[status]
  if (known !== undefined) return known
  if (status >= 500) return { code: 'unavailable', says: 'the server failed' }
  if (status >= 400) return { code: 'invalid', says: 'the server does not accept the request' }
  return { code: 'corrupt', says: 'nobody asked for that' }
}

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was broken',
  ECONNABORTED: 'the connection was broken',
  EPIPE: 'the connection was broken',
  ETIMEDOUT: 'the connection took too long',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to its network',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  EPROTO: 'the two do not agree on TLS',
  ERR_PROXY_TUNNEL: 'the proxy did not let it through',
}

const wayHints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'check the address and its port, and whether the server runs',
  ENOTFOUND: 'check how the address is written, and whether this machine has a network; a proxy is named by HTTPS_PROXY',
  EPROTO: 'check that the port speaks TLS',
  ERR_PROXY_TUNNEL: 'check HTTPS_PROXY',
}

const untrusted =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|CERT_.*|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)$/

/** What went wrong below HTTP, as a Fault. What nobody knows is `bug`. */
export function networkFault(error: unknown, what: string, at: string, limits: { readonly headerBytes: number }): Fault {
  if (error instanceof Fault) return error
  const code = errno(error) ?? ''
  const fail = (kind: FaultCode, says: string, hint?: string) => new Fault(kind, `${what} failed: ${says}`, { at, hint, cause: error })
  const said = unreachable[code]
  if (said !== undefined) return fail('unavailable', said, wayHints[code] ?? 'check the network, and run it again')
  if (untrusted.test(code)) {
    return fail(
      'denied',
      'the certificate of the server is not trusted',
      code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? 'the certificate is for another host: check the address'
        : 'where this machine trusts it, set NODE_USE_SYSTEM_CA=1; else, if the server is yours, name the file of its certificate authority in NODE_EXTRA_CA_CERTS',
    )
  }
  if (code.startsWith('ERR_SSL')) return fail('unavailable', 'the two do not agree on TLS', 'check that the port speaks TLS')
  if (code === 'HPE_HEADER_OVERFLOW') return fail('corrupt', `the headers are larger than their limit of ${limits.headerBytes} bytes`)
  if (code.startsWith('HPE_')) return fail('corrupt', 'what answers there does not speak HTTP as it should', 'check the address')
  if (code === 'ERR_INVALID_CHAR' || code === 'ERR_UNESCAPED_CHARACTERS')
    return fail('invalid', 'the request has a character that HTTP forbids')
  if (code.startsWith('ERR_PROXY')) return fail('invalid', 'the proxy is not usable', 'check HTTP_PROXY and HTTPS_PROXY')
  return fail('bug', error instanceof Error ? error.message : String(error))
}
