import { bytesOf, type Digest, digestOf, Fault, throwIfAborted } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { metadataEnd, provenanceEnd } from '../publish/layout.ts'
import { failureOf, type MirrorFailure, type PlannedFile } from './plan.ts'

/** What stands beside a file, as its upstream has it. */
export interface Beside {
  readonly end: typeof metadataEnd | typeof provenanceEnd
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly contentType: string
}

const maxMetadata = 16 << 20
const maxProvenance = 16 << 20

/**
 * Fetches a wheel's METADATA, which has to be what the page promises, and a file's provenance (PEP 740), once for all its places. What is
 * wrong with them keeps no file away: it is told, and they are left out.
 */
export async function fetchBeside(
  { file, from, project }: PlannedFile,
  signal: AbortSignal,
): Promise<{ readonly beside: readonly Beside[]; readonly failures: readonly MirrorFailure[] }> {
  const beside: Beside[] = []
  const failures: MirrorFailure[] = []
  const fetchOne = async (end: Beside['end'], url: string, limit: number, check: (bytes: Uint8Array) => void, contentType: string) => {
    try {
      const bytes = await from.read(url, limit, { signal })
      check(bytes)
      beside.push({ end, bytes, digest: digestOf(bytes), contentType })
    } catch (error) {
      throwIfAborted(signal)
      failures.push(failureOf(project, file.name + end, error))
    }
  }
  if (file.means.kind === 'wheel' && file.metadata !== undefined) {
    const promised = file.metadata
    const check = (bytes: Uint8Array) => {
      const actual = digestOf(bytes)
      if (actual !== promised) throw new Fault('corrupt', `it is not what the upstream promises: expected ${promised}, got ${actual}`)
    }
    await fetchOne(metadataEnd, besideUrl(file.url), maxMetadata, check, 'text/plain; charset=utf-8')
  }
  if (file.provenance !== undefined) {
    await fetchOne(provenanceEnd, file.provenance, maxProvenance, checkObject, 'application/vnd.pypi.integrity.v1+json')
  }
  return { beside, failures }
}

/** The address with `.metadata` after its path (PEP 658). */
function besideUrl(text: string): string {
  const url = new URL(text)
  url.pathname += metadataEnd
  return url.href
}

function checkObject(bytes: Uint8Array): void {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new Fault('corrupt', 'it is not JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Fault('corrupt', 'it is no JSON object')
}

/** Puts it beside the file in one index. */
export async function putBeside(
  { bucket, environment }: IndexContext,
  key: string,
  { end, bytes, digest, contentType }: Beside,
  signal: AbortSignal,
): Promise<void> {
  await bucket.put(key + end, bytesOf(bytes), {
    digest,
    contentType,
    cacheControl: environment.fileCache,
    public: environment.isPublic,
    signal,
  })
}
