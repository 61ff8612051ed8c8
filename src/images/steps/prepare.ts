import { promises as fs } from 'node:fs'
import path from 'node:path'
import {
  type Bytes,
  type Digest,
  diskFault,
  Fault,
  hasher,
  isKey,
  realDisk,
  syncDirectory,
  temporaryBeside,
  throwIfAborted,
  makeDirectories,
} from '../../kit/index.ts'
import { openZip, rangesOfFile } from '../../kit/zip/index.ts'
import { type BundledTarball, readBundle } from '../bundle/read-bundle.ts'
import type { ImagesContext } from '../context.ts'
import { type WantedImage, wantedImages } from '../tags.ts'
import { readDownloadRecord } from './download-record.ts'
import { type DownloadFolder, downloadFolder, type DownloadsPlace, removeFile, sizeOfFile, sweep } from './folder.ts'
import { type PlannedImage, readExtracting, readUploadPlan, type UploadPlan, writeExtracting, writeUploadPlan } from './upload-plan.ts'

export interface PrepareTag extends DownloadsPlace {
  readonly tag: string
  /** Throw away what was extracted before. */
  readonly clean?: boolean | undefined
}

export interface PreparedTag {
  readonly folder: DownloadFolder
  readonly plan: UploadPlan
  /** It was prepared before: nothing was done. */
  readonly unchanged: boolean
  /** What else the archive has. */
  readonly extras: readonly string[]
}

/**
 * Extracts the tarballs of a downloaded archive and plans where each of them goes. A file has its name when it is whole; the plan is written
 * when all are. Throws `not-found` where nothing was downloaded, `corrupt` where a tarball is missing or damaged.
 */
export async function prepareTag(context: ImagesContext, { tag, clean = false, ...place }: PrepareTag): Promise<PreparedTag> {
  const { settings, signal } = context
  const folder = downloadFolder(settings, place, tag)
  const record = await readDownloadRecord(folder)
  if (record === undefined || (await sizeOfFile(folder.archive)) !== record.archive.size) {
    throw new Fault('not-found', `no archive of ${tag} was downloaded`, { at: folder.path, hint: folder.command('download') })
  }
  await sweep(folder.path)
  const archive = record.archive.digest
  const before = await readUploadPlan(folder)
  if (before?.archive === archive && !clean && (await areWhole(folder, before.images))) {
    // A call that was killed as it ended leaves it.
    await removeFile(folder.extracting)
    return { folder, plan: before, unchanged: true, extras: [] }
  }
  const wanted = wantedImages(settings, record.metadata)
  const begun = await beginExtracting(folder, { archive, files: wanted.map(nameOf), before, clean })
  const zip = await openZip(rangesOfFile(folder.archive, record.archive.size), { signal })
  const work = async ({ wanted: image, tarball }: BundledTarball<WantedImage>, stopping?: AbortSignal) => {
    const name = nameOf(image)
    if (begun.finished.has(name)) return
    await begun.finish({ name, ...(await extract(context, path.join(folder.extracted, name), tarball, stopping)) })
  }
  const { extras } = await readBundle(zip, wanted, work, { at: folder.archive, signal })
  const images = wanted.map(({ family, platform, repository, tag: imageTag, ...image }) => {
    return { family, platform, repository, tag: imageTag, ...begun.finished.get(nameOf(image))! }
  })
  await writeUploadPlan(folder, { archive, images }, record.metadata)
  await removeFile(folder.extracting)
  return { folder, plan: { archive, images }, unchanged: false, extras }
}

type ExtractedFile = Pick<PlannedImage, 'name' | 'size' | 'digest'>

/** The file's own name; the archive's are never used. */
function nameOf({ tarball }: Pick<WantedImage, 'tarball'>): string {
  const name = tarball.slice(tarball.lastIndexOf('/') + 1)
  if (isKey(name)) return name
  throw new Fault('invalid', `not a name of a file: ${JSON.stringify(tarball)}`, { hint: 'check `tarball` of the families under [images]' })
}

async function areWhole({ extracted }: DownloadFolder, images: readonly PlannedImage[]): Promise<boolean> {
  for (const { name, size } of images) if ((await sizeOfFile(path.join(extracted, name))) !== size) return false
  return true
}

interface Begun {
  readonly finished: ReadonlyMap<string, ExtractedFile>
  /** Remembers a file, once it is whole. */
  finish(file: ExtractedFile): Promise<void>
}

/** Says first what may come into the folder, and takes away what an earlier call left of another archive. */
async function beginExtracting(
  folder: DownloadFolder,
  { archive, files, before, clean }: { archive: Digest; files: readonly string[]; before: UploadPlan | undefined; clean: boolean },
): Promise<Begun> {
  const begun = await readExtracting(folder)
  const known = [...(begun?.archive === archive ? begun.finished : []), ...(before?.archive === archive ? before.images : [])]
  const finished = new Map<string, ExtractedFile>()
  for (const { name, size, digest } of clean ? [] : known)
    if ((await sizeOfFile(path.join(folder.extracted, name))) === size) finished.set(name, { name, size, digest })
  const all = [...new Set([...files, ...(begun?.files ?? []), ...(before?.images.map(({ name }) => name) ?? [])])]
  const save = () => writeExtracting(folder, { archive, files: all, finished: [...finished.values()] })
  await save()
  await removeFile(folder.plan)
  await makeExtracted(folder)
  for (const name of all) if (!finished.has(name)) await removeFile(path.join(folder.extracted, name))
  await sweep(folder.extracted)
  return {
    finished,
    async finish(file) {
      finished.set(file.name, file)
      await save()
    },
  }
}

async function makeExtracted({ extracted }: DownloadFolder): Promise<void> {
  try {
    await makeDirectories(extracted)
    // A link here would lead everything elsewhere.
    if ((await fs.lstat(extracted)).isDirectory()) return
  } catch (error) {
    throw diskFault(error, extracted, 'make the folder')
  }
  throw new Fault('invalid', 'it is no folder', { at: extracted, hint: 'remove it and run the command again' })
}

/** It has its name when it is whole. */
async function extract(
  { report }: ImagesContext,
  file: string,
  tarball: Bytes,
  signal: AbortSignal | undefined,
): Promise<{ readonly size: number; readonly digest: Digest }> {
  const task = `extract ${path.basename(file)}`
  report({ kind: 'begin', task, items: 1, bytes: tarball.length })
  const temporary = temporaryBeside(file)
  const state = hasher()
  let size = 0
  try {
    const handle = await fs.open(temporary, 'wx')
    try {
      for await (const piece of tarball) {
        throwIfAborted(signal)
        state.update(piece)
        for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at, piece.byteLength - at)).bytesWritten
        size += piece.byteLength
        report({ kind: 'advance', task, bytes: piece.byteLength })
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await fs.rename(temporary, file)
    await syncDirectory(realDisk, path.dirname(file))
    return { size, digest: state.digest() }
  } catch (error) {
    await fs.rm(temporary, { force: true })
    throw diskFault(error, file, 'write the file')
  } finally {
    report({ kind: 'end', task })
  }
}
