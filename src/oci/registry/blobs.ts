import type { HttpAnswer } from '../../kit/http/index.ts'
import { bytesFrom, type Digest, Fault, isFault, verified } from '../../kit/index.ts'
import { repositoryPath } from './paths.ts'
import type { Registry } from './registry.ts'
import type { Session } from './session.ts'

interface Wanted {
  readonly path: string
  readonly repository: string
  readonly size: number | undefined
  readonly signal: AbortSignal | undefined
}

export function createBlobs(session: Session): Pick<Registry, 'headBlob' | 'blob'> {
  return {
    async headBlob(repository, digest, o) {
      const path = blobPath(repository, digest)
      const scopes = [{ repository, actions: 'pull' as const }]
      const { status, headers, url } = await session.read({ path, method: 'HEAD', scopes, accepts: [404], headers: asIs, ...o }, 1 << 20)
      if (status === 404) return undefined
      return { size: sizeOf(headers['content-length']) ?? unknownSize(url) }
    },
    async blob(repository, digest, size, o) {
      const wanted = { path: blobPath(repository, digest), repository, size, signal: o?.signal }
      let first: HttpAnswer | undefined = await ask(session, wanted, 0)
      const length = size ?? first.body.length ?? unknownSize(first.url)
      if (first.body.length !== undefined && first.body.length !== length) {
        first.discard()
        throw new Fault('corrupt', `${digest} has ${length} bytes, and the registry wants to give ${first.body.length}`, { at: first.url })
      }
      const open = () => {
        const answer = first
        first = undefined
        return readOn(session, wanted, length, answer)
      }
      return verified(bytesFrom(open, length), digest, first.url)
    },
  }
}

const asIs = { 'accept-encoding': 'identity' }

function blobPath(repository: string, digest: Digest): string {
  return `${repositoryPath(repository)}/blobs/${digest}`
}

/** From byte `start` on. Where the registry keeps it elsewhere, the redirect is followed, and no credentials go along. */
async function ask(session: Session, { path, repository, signal }: Wanted, start: number): Promise<HttpAnswer> {
  const headers = start === 0 ? {} : { range: `bytes=${start}-` }
  return await session.request({ path, scopes: [{ repository, actions: 'pull' }], headers, signal })
}

/** What has come stays, whatever breaks: the digest says in the end whether it fits together, so that no ETag is needed. */
async function* readOn(session: Session, wanted: Wanted, length: number, opened: HttpAnswer | undefined): AsyncGenerator<Uint8Array> {
  let given = 0
  for (let begun = -1, answer = opened; ; answer = undefined) {
    try {
      begun = given
      answer ??= await ask(session, wanted, given)
      for await (const piece of restOf(answer, given)) {
        given += piece.byteLength
        if (given > length) throw new Fault('corrupt', `the registry gives more than the ${length} bytes that it has`, { at: answer.url })
        yield piece
      }
      if (given === length) return
      throw new Fault('unavailable', `the registry gave ${given} of ${length} bytes`, { at: answer.url })
    } catch (error) {
      answer?.discard()
      // A token or a signed address may have expired; asking anew gets another. Without progress it is the end.
      const canGoOn = ['unavailable', 'precondition', 'denied'].some((code) => isFault(error) && error.code === code)
      if (!canGoOn || given === begun) throw error
      if (given === length) return
    }
  }
}

/** The bytes of an answer after the first `given` of the blob: those that come again are left out. */
async function* restOf(answer: HttpAnswer, given: number): AsyncGenerator<Uint8Array> {
  if (given > 0 && answer.status === 206) {
    const start = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1]
    if (start !== String(given)) throw new Fault('corrupt', `asked for the bytes from ${given}, and got others`, { at: answer.url })
  }
  let known = answer.status === 206 ? 0 : given
  for await (const piece of answer.body) {
    const skipped = Math.min(known, piece.byteLength)
    known -= skipped
    if (skipped < piece.byteLength) yield piece.subarray(skipped)
  }
}

function sizeOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function unknownSize(at: string): never {
  throw new Fault('corrupt', 'the registry does not say how large the blob is', { at })
}
