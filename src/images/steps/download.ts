import { constants, promises as fs } from 'node:fs'
import { diskFault, Fault, makeDirectories } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { downloadFile } from '../../transfer/index.ts'
import type { ImagesContext } from '../context.ts'
import { type OpenedArtifact, openArtifactOf, runOfTag } from '../run-of-tag.ts'
import { wantedImages } from '../tags.ts'
import { type DownloadRecord, readDownloadRecord, writeDownloadRecord } from './download-record.ts'
import { type DownloadFolder, downloadFolder, type DownloadsPlace, removeFile, sizeOfFile, sweep } from './folder.ts'

export interface DownloadTag extends DownloadsPlace {
  readonly tag: string
  /** Replace what was downloaded of another run. */
  readonly force?: boolean | undefined
}

export interface DownloadedTag {
  readonly folder: DownloadFolder
  readonly record: DownloadRecord
  /** It was downloaded before: nothing was done. */
  readonly unchanged: boolean
  /** Bytes that came from GitHub. */
  readonly fetched: number
  /** Bytes that an earlier download had. */
  readonly resumed: number
}

/**
 * Brings the artifact of a tag's newest run into its folder, in ranges side by side; killed at any moment, the next call fetches what is missing.
 * Throws `already-exists` where the folder has that of another run, without `force`.
 */
export async function downloadTag(context: ImagesContext, { tag, force = false, ...place }: DownloadTag): Promise<DownloadedTag> {
  const folder = downloadFolder(context.settings, place, tag)
  const { run, metadata } = await runOfTag(context, tag)
  const wanted = wantedImages(context.settings, metadata)
  await sweep(folder.path)
  const known = await standing(folder)
  const isSame = known?.run.id === run.id && known.run.attempt === run.attempt
  if (known !== undefined && isSame) return { folder, record: known, unchanged: true, fetched: 0, resumed: 0 }
  if (known !== undefined && !force) {
    throw new Fault('already-exists', `what was downloaded is of the run ${known.run.url}, and the newest is ${run.url}`, {
      at: folder.path,
      hint: 'use --force to replace it',
    })
  }
  const opened = await openArtifactOf(context, await context.github(), run, wanted)
  // Nothing says any more that the archive is whole, until the new one is.
  await makeFolder(folder)
  await removeFile(folder.metadata)
  const got = await fetchArchive(context, folder, opened)
  const { repo, workflow } = context.settings
  const { id, name, digest } = opened.artifact
  const record: DownloadRecord = {
    metadata,
    repo,
    workflow,
    run,
    artifact: { id, name, digest },
    archive: { size: opened.source.size, digest: got.digest },
  }
  await writeDownloadRecord(folder, record)
  return { folder, record, unchanged: false, fetched: got.fetched, resumed: got.resumed }
}

/** What an earlier download finished. */
async function standing(folder: DownloadFolder): Promise<DownloadRecord | undefined> {
  const record = await readDownloadRecord(folder)
  return record !== undefined && (await sizeOfFile(folder.archive)) === record.archive.size ? record : undefined
}

async function fetchArchive({ report, signal }: ImagesContext, folder: DownloadFolder, { artifact, source }: OpenedArtifact) {
  const { name, size } = source
  const info = { key: artifact.name, size, etag: String(artifact.id), modified: 0 }
  const get: ObjectStore['get'] = async (_key, { range, signal: stopping } = {}) => {
    const { start, end = size } = range ?? { start: 0 }
    const bytes = await source.read(start, end, { signal: stopping })
    return { info, length: end - start, rewindable: bytes.rewindable, [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator]() }
  }
  const digest = artifact.digest ?? { unknown: `artifact ${artifact.id} of ${artifact.run}, ${size} bytes` }
  return await downloadFile({ from: { name, get }, key: artifact.name, size, digest, to: folder.archive, force: true, report, signal })
}

async function makeFolder({ path }: DownloadFolder): Promise<void> {
  try {
    await makeDirectories(path)
    await fs.access(path, constants.W_OK)
  } catch (error) {
    throw diskFault(error, path, 'make the folder')
  }
}
