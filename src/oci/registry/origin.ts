import type { HttpClient } from '../../kit/http/index.ts'
import { isFault, throwIfAborted } from '../../kit/index.ts'

export interface FoundOrigin {
  /** As `URL.origin` writes it. */
  readonly origin: string
  /** What it asked for on the way. */
  readonly challenge?: string | undefined
  /** Whether it has answered, or there was nothing to find out. */
  readonly isSure: boolean
}

/** Docker Hub's registry has another name than its images. */
const aliases: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io', 'index.docker.io': 'registry-1.docker.io' }

/**
 * https everywhere, but http where that was asked for. On this machine both are common, so a first request, without any credential, finds
 * out: http unless what answers there speaks TLS.
 */
export async function findOrigin(http: HttpClient, host: string, isPlain: boolean, signal?: AbortSignal): Promise<FoundOrigin> {
  const named = aliases[host] ?? host
  const secure = new URL(`https://${named}`).origin
  const plain = new URL(`http://${named}`).origin
  if (isPlain) return { origin: plain, isSure: true }
  if (!isLoopback(new URL(plain).hostname)) return { origin: secure, isSure: true }
  const answered = await probe(http, plain, signal)
  // What servers of TLS say to plain HTTP, if they say anything.
  if (answered !== undefined && answered.status !== 400) return { origin: plain, challenge: answered.challenge, isSure: true }
  const over = await probe(http, secure, signal)
  return over === undefined ? { origin: plain, isSure: false } : { origin: secure, challenge: over.challenge, isSure: true }
}

/** Whether a host name is of this machine alone. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

async function probe(
  http: HttpClient,
  origin: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly status: number; readonly challenge: string | undefined } | undefined> {
  try {
    const accepts = [400, 401, 403, 404, 405]
    const answer = await http.read({ url: `${origin}/v2/`, accepts, repeatable: false, signal }, 1 << 20)
    return { status: answer.status, challenge: answer.status === 401 ? answer.headers['www-authenticate'] : undefined }
  } catch (error) {
    throwIfAborted(signal)
    // A certificate that is not trusted is a certificate: whoever asks next is told so.
    return isFault(error, 'denied') ? { status: 0, challenge: undefined } : undefined
  }
}
