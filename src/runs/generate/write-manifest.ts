import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { diskFault, pieceSize, realDisk, syncDirectory, temporaryBeside, makeDirectories } from '../../kit/index.ts'
import { compressedPath, type Manifest, type ManifestExperiment, type ManifestFile } from './manifest.ts'

/**
 * Writes a manifest of the format 1.0, and the same compressed beside it. Each is the old one or the new one to whoever reads it,
 * also after a power cut; the compressed one, which clients try first, is new first.
 */
export async function writeManifest(file: string, manifest: Manifest): Promise<void> {
  const compressed = compressedPath(file)
  const temporary = [temporaryBeside(file), temporaryBeside(file)] as const
  try {
    await makeDirectories(path.dirname(file))
    await writeText(temporary[0], manifest)
    await compress(temporary[0], temporary[1])
    await rename(temporary[1], compressed)
    await rename(temporary[0], file)
    await syncDirectory(realDisk, path.dirname(file))
  } catch (error) {
    for (const each of temporary) await rm(each, { force: true }).catch(() => undefined)
    throw diskFault(error, file, 'write the manifest')
  }
}

async function writeText(file: string, manifest: Manifest): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    let text = ''
    for (const piece of textOf(manifest)) {
      text += piece
      if (text.length < pieceSize) continue
      await handle.write(text)
      text = ''
    }
    await handle.write(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function compress(from: string, to: string): Promise<void> {
  const handle = await open(to, 'wx')
  try {
    await pipeline(
      createReadStream(from, { highWaterMark: pieceSize }),
      createGzip({ level: 4, chunkSize: pieceSize }),
      async (pieces: AsyncIterable<Buffer>) => {
        for await (const piece of pieces) await handle.write(piece)
      },
    )
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** One line for each experiment. */
function* textOf(manifest: Manifest): Iterable<string> {
  yield `{"format_version":"1.0",\n"manifest_type":${quote(manifest.manifestType)},\n"revision":${manifest.revision},\n`
  yield `"snapshot_id":${quote(manifest.snapshotId)},\n"generated_at":${float(manifest.generatedAt)},\n`
  yield `"server_hostname":${quote(manifest.serverHostname)},\n"remote_root":${quote(manifest.remoteRoot)},\n"experiments":[`
  let separator = '\n'
  for (const experiment of manifest.experiments) {
    yield separator + experimentText(experiment)
    separator = ',\n'
  }
  const { totalExperiments, totalFiles, totalBytes } = manifest
  yield `\n],\n"statistics":{"total_experiments":${totalExperiments},"total_files":${totalFiles},"total_bytes":${totalBytes}},\n`
  yield `"generator_version":"1.0"}\n`
}

function experimentText(run: ManifestExperiment): string {
  const names = `"run_id":${quote(run.run_id)},"project":${quote(run.project)},"name":${quote(run.name)},"status":${quote(run.status)}`
  const times = `"created_at":${float(run.created_at)},"updated_at":${float(run.updated_at)}`
  return `{${names},${times},"tags":${JSON.stringify(run.tags)},"files":[${run.files.map(fileText).join(',')}]}`
}

function fileText({ path: name, size, mtime, ...rest }: ManifestFile): string {
  const more = JSON.stringify(rest)
  return `{"path":${quote(name)},"size":${size},"mtime":${float(mtime)}${more === '{}' ? '' : `,${more.slice(1, -1)}`}}`
}

function quote(text: string): string {
  return JSON.stringify(text)
}

/** As Python writes a float: readers of the format may tell it from an integer. */
function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
