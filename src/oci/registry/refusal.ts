import type { HttpAnswer, HttpPage } from '../../kit/http/index.ts'
import { collect, Fault, type FaultCode } from '../../kit/index.ts'

/** Of what a refusal says, no more is read. */
export const refusalLimit = 64 << 10

const meanings: Readonly<Record<number, { readonly code: FaultCode; readonly says: string }>> = {
  401: { code: 'denied', says: 'the registry wants to know who asks' },
  403: { code: 'denied', says: 'it is not allowed' },
  404: { code: 'not-found', says: 'it is not there' },
  405: { code: 'unsupported', says: 'the registry does not do this' },
  409: { code: 'precondition', says: 'it does not fit what is there' },
}

/** An answer that is a refusal, as a Fault with the registry's own words (distribution-spec, "Error Codes"). Its body is read. */
export async function refusal(what: string, answer: HttpAnswer | HttpPage): Promise<Fault> {
  const { status } = answer
  const bytes = 'bytes' in answer ? answer.bytes.subarray(0, refusalLimit) : await collect(answer.body, refusalLimit).catch(() => undefined)
  if ('discard' in answer) answer.discard()
  const words = bytes === undefined ? [] : wordsOf(bytes)
  const meaning = meanings[status] ?? { code: 'invalid' as const, says: 'the registry does not accept it' }
  const code = words.some((word) => word.startsWith('UNSUPPORTED')) ? 'unsupported' : meaning.code
  const said = words.length === 0 ? meaning.says : words.join('; ')
  return new Fault(code, `${what} was answered with ${status}: ${said}`, {
    at: answer.url,
    hint:
      status === 403
        ? 'the credentials do not allow it: check what they may do in this repository'
        : (hintFor(words) ?? hintWithoutTls(answer)),
  })
}

/** What a registry does not have may be misspelt. */
function hintFor(words: readonly string[]): string | undefined {
  if (words.some((word) => word.startsWith('NAME_UNKNOWN')))
    return 'check the name of the repository: it is there from its first image on, and to some registries only for who may see it'
  if (words.some((word) => word.startsWith('MANIFEST_UNKNOWN'))) return '`holdfast images tags` with the repository lists its tags'
  return undefined
}

/** What servers answer, in words of their own, to whom speaks no TLS on a port that does. */
function hintWithoutTls({ status, url, headers }: HttpAnswer | HttpPage): string | undefined {
  const isOther = status === 400 && url.startsWith('http:') && !/json/.test(headers['content-type'] ?? '')
  return isOther ? 'it may speak TLS alone: leave out --plain-http, and `insecure` of [images]' : undefined
}

/** `CODE: message (detail)` of up to three errors, without what could play tricks on a terminal. */
function wordsOf(bytes: Uint8Array): string[] {
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return []
  }
  const errors: unknown = body !== null && typeof body === 'object' && 'errors' in body ? body.errors : undefined
  if (!Array.isArray(errors)) return []
  return errors.slice(0, 3).flatMap((error: unknown) => {
    if (error === null || typeof error !== 'object') return []
    const { code, message, detail } = error as Readonly<Record<string, unknown>>
    const parts = [plain(code), plain(message)].filter((part) => part !== '')
    const more = plain(detail)
    return parts.length === 0 ? [] : [`${parts.join(': ')}${more === '' ? '' : ` (${more})`}`]
  })
}

function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`
}
