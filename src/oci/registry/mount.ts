import { type Digest, Fault, isFault } from '../../kit/index.ts'
import { repositoryPath } from './paths.ts'
import type { Session } from './session.ts'
import { cancelUpload, positionOf } from './uploads.ts'

/** Whether the registry takes a blob over from another of its repositories (distribution-spec, "Mounting a blob from another repository"). */
export async function mountBlob(
  session: Session,
  repository: string,
  digest: Digest,
  from: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  repositoryPath(from)
  const path = `${repositoryPath(repository)}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`
  try {
    const answer = await session.read(
      {
        path,
        method: 'POST',
        scopes: [
          { repository, actions: 'pull,push' },
          { repository: from, actions: 'pull' },
        ],
        body: new Uint8Array(),
        repeatable: true,
        signal,
      },
      1 << 20,
    )
    if (answer.status === 201) return true
    if (answer.status !== 202) throw new Fault('corrupt', `${session.host} answered a mount with ${answer.status}`, { at: answer.url })
    const { location } = await positionOf(session, answer, 0)
    await cancelUpload(session, repository, location, signal)
    return false
  } catch (error) {
    // Who may not read there can still send the bytes; where it may not write here, sending says so.
    if (isFault(error, 'denied')) return false
    throw error
  }
}
