import { Fault, isKey } from '../../../kit/index.ts'
import { isRunKey, isRunPath, type RunKey, runFolder } from '../../format/place.ts'

/** The folder that the client keeps its own things in, below the target. */
export const ownFolder = '.holdfast'

/** Below that one: for bytes that are not whole yet. */
export const partsFolder = 'partial'

/** The run that a key is of, and where it lies below that run's folder; undefined for any other key. */
export function parseRunKey(key: string): (RunKey & { readonly path: string }) | undefined {
  const [project, name, runs, runId, ...rest] = key.split('/')
  if (project === undefined || name === undefined || runId === undefined || runs !== 'runs' || rest.length === 0) return undefined
  return { project, name, runId, path: rest.join('/') }
}

/** Throws `invalid` where a server's name for a file of a run must not be written below the target. */
export function checkRunFile(run: RunKey, file: string): void {
  const why = whatForbids(run, file)
  if (why === undefined) return
  const key = `${runFolder(run)}/${file}`
  throw new Fault('invalid', `the source names a file that is not written: ${why}: ${JSON.stringify(key.slice(0, 200))}`, {
    hint: 'rename it on the server; everything else is synced',
  })
}

function whatForbids(run: RunKey, file: string): string | undefined {
  if (!isRunKey(run) || !isRunPath(run, file) || !isKey(file)) return 'it is no usable path'
  // Also where the file system takes capital and small letters for the same.
  if (/^\.(holdfast|runicorn)$/i.test(run.project)) return 'it would lie among what tools keep for themselves'
  return undefined
}

/** The absolute path of a key that was checked. */
export function localPath(folder: string, key: string): string {
  return `${folder}/${key}`
}
