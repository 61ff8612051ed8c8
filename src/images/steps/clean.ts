import { promises as fs } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, isFault, type Report, syncDirectory, realDisk, throwIfAborted } from '../../kit/index.ts'
import { sweepParts } from '../../transfer/index.ts'
import { type DownloadFolder, namesIn, removeFile, sizeOfFile, temporariesIn } from './folder.ts'
import { readExtracting, readUploadPlan } from './upload-plan.ts'

/** What a clean-up of one tag removes: what download and prepare wrote, and nothing else. */
export interface CleanPlan {
  readonly folder: DownloadFolder
  /** In the order in which they are removed: whoever is stopped on the way still finds out what is ours. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly bytes: number
  /** What is in the folder and is not ours. */
  readonly left: readonly string[]
}

/** Undefined where there is nothing. */
export async function planClean(folder: DownloadFolder, report: Report): Promise<CleanPlan | undefined> {
  if ((await namesIn(folder.path)).length === 0 && !(await isFolder(folder.path))) return undefined
  const extracted = (await extractedFiles(folder, report)).map((name) => path.join(folder.extracted, name))
  const ours = [
    ...extracted,
    ...(await temporariesIn(folder.extracted)),
    ...(await temporariesIn(folder.path)),
    folder.archive,
    folder.plan,
    folder.extracting,
    folder.metadata,
  ]
  const files: { path: string; size: number }[] = []
  for (const file of new Set(ours)) {
    const size = await sizeOfFile(file)
    if (size !== undefined) files.push({ path: file, size })
  }
  return { folder, files, bytes: files.reduce((sum, { size }) => sum + size, 0), left: await strangers(folder, new Set(ours)) }
}

export async function clean(plan: CleanPlan, signal?: AbortSignal): Promise<void> {
  const { folder, files } = plan
  for (const { path: file } of files) {
    throwIfAborted(signal)
    // What says which files are ours goes when they are gone for good.
    if (file === folder.plan || file === folder.extracting) await syncIfThere(folder.extracted)
    await removeFile(file)
  }
  await sweepParts(folder.archive, realDisk)
  for (const each of [folder.extracted, folder.path]) await removeIfEmpty(each)
}

/** Of a plan or a list that is damaged nothing is believed: the files then count as somebody else's. */
async function extractedFiles(folder: DownloadFolder, report: Report): Promise<string[]> {
  const readers = [
    async () => (await readUploadPlan(folder))?.images.map(({ name }) => name) ?? [],
    async () => (await readExtracting(folder))?.files ?? [],
  ]
  const names: string[] = []
  for (const read of readers) {
    try {
      names.push(...(await read()))
    } catch (error) {
      if (!isFault(error, 'corrupt')) throw error
      report({
        kind: 'note',
        level: 'warning',
        text: `${error.at ?? folder.plan}: ${error.message}; it is removed, and what it lists is not`,
      })
    }
  }
  return names
}

async function strangers(folder: DownloadFolder, ours: ReadonlySet<string>): Promise<string[]> {
  const known = new Set([...ours, folder.extracted])
  const isPart = (name: string) => name.startsWith(`${path.basename(folder.archive)}.holdfast-part`)
  const inFolder = (await namesIn(folder.path)).filter((name) => !isPart(name)).map((name) => path.join(folder.path, name))
  const inExtracted = (await namesIn(folder.extracted)).map((name) => path.join(folder.extracted, name))
  return [...inFolder, ...inExtracted].filter((each) => !known.has(each)).toSorted()
}

async function isFolder(at: string): Promise<boolean> {
  try {
    return (await fs.lstat(at)).isDirectory()
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, at, 'look at the folder')
  }
}

async function syncIfThere(folder: string): Promise<void> {
  if (await isFolder(folder)) await syncDirectory(realDisk, folder)
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await fs.rmdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errno(error) ?? '')) return
    throw diskFault(error, folder, 'remove the folder')
  }
}
