import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { type Clock, diskFault, Fault, type Report, silent, systemClock, makeDirectories } from '../../kit/index.ts'
import { lockFile, manifestFolder } from '../format/place.ts'
import { type Generation, runGeneration } from './generation.ts'
import { withLock } from './lock.ts'
import { compressedPath, ManifestType } from './manifest.ts'

export interface ManifestGeneratorOptions {
  /** The folder of experiment runs: `<project>/<name>/runs/<run id>/…`. */
  readonly remoteRoot: string
  /** Where manifests, pages and packs lie; by default `.runicorn` below the root. */
  readonly outputDir?: string | undefined
  /** A run whose newest file is no older is active. By default as in the last generation, at first 3,600. */
  readonly activeWindowSeconds?: number | undefined
  /** Relies on what the last generation saw, by inode, size and times; true by default. Otherwise every file is read. */
  readonly incremental?: boolean | undefined
  /** Only the files that a manifest of the format 1.0 lists; false by default: all files. */
  readonly metadataOnly?: boolean | undefined
  /** Puts small files into packs; true by default. */
  readonly packs?: boolean | undefined
  readonly clock?: Clock | undefined
  /** Makes an id that was never used. */
  readonly newId?: (() => string) | undefined
  readonly serverHostname?: string | undefined
  readonly report?: Report | undefined
}

export interface GenerateOptions {
  readonly manifestType?: ManifestType | undefined
  /** Where the manifest 1.0 goes; by default `<type>_manifest.json` in the output folder. */
  readonly outputPath?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Generated extends Generation {
  readonly outputPath: string
  readonly compressedPath: string
}

/** Lists the runs of a folder for clients: in pages and packs, and in the manifest of the format 1.0. */
export class ManifestGenerator {
  readonly #options: ManifestGeneratorOptions

  constructor(options: ManifestGeneratorOptions) {
    this.#options = options
  }

  /**
   * Looks at all runs, reads what changed, and publishes it; where nothing changed, nothing but the time of looking moves. Waits for
   * another generator at work here. A file that cannot be read is listed as such. Throws `not-found` without the root, `denied` where the
   * output folder cannot be written, `busy` where another generator does not end, `unsupported` where there are no locks of files.
   */
  async generate({ manifestType = ManifestType.FULL, outputPath, signal }: GenerateOptions = {}): Promise<Generated> {
    const { remoteRoot, outputDir, clock = systemClock } = this.#options
    const window = this.#options.activeWindowSeconds
    if (window !== undefined && !(Number.isSafeInteger(window) && window > 0)) {
      throw new Fault('invalid', `the active window must be whole seconds, at least one: ${window}`)
    }
    const root = realRoot(remoteRoot)
    const folder = path.resolve(outputDir ?? path.join(root, manifestFolder))
    const output = path.resolve(outputPath ?? path.join(folder, `${manifestType}_manifest.json`))
    const lock = path.join(folder, lockFile)
    await makeFolder(path.dirname(lock))
    const generation = await withLock(lock, { clock, signal }, () =>
      runGeneration({
        type: manifestType,
        root,
        remoteRoot: path.resolve(remoteRoot),
        folder,
        output,
        activeWindow: window,
        incremental: this.#options.incremental ?? true,
        metadataOnly: this.#options.metadataOnly ?? false,
        withPacks: this.#options.packs ?? true,
        clock,
        newId: this.#options.newId ?? randomUUID,
        hostname: this.#options.serverHostname ?? hostname(),
        report: this.#options.report ?? silent,
        signal,
      }),
    )
    return { ...generation, outputPath: output, compressedPath: compressedPath(output) }
  }
}

function realRoot(folder: string): string {
  try {
    return realpathSync(folder)
  } catch (error) {
    throw diskFault(error, folder, 'read the folder of runs')
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeDirectories(folder)
  } catch (error) {
    throw diskFault(error, folder, 'make the folder of manifests')
  }
}
