import { compareKeys, isKey } from '../../kit/index.ts'

/** The folder below the root of the runs that holds all that a generator writes. */
export const manifestFolder = '.runicorn'

/** Names below `manifestFolder`. */
export const rootFile = 'holdfast/root.json'
export const cacheFile = 'holdfast/cache'
export const lockFile = 'holdfast/lock'
export const packFolder = 'holdfast/packs'
export const stateFile = '.manifest_state.json'

export const packFile = (name: string): string => `${packFolder}/${name}`
export const logFile = (name: string): string => `holdfast/${name}`

const logForm = /^pages-[0-9a-f]{8}$/
const packForm = /^[0-9a-f]{64}$/

export const isLogName = (name: string): boolean => logForm.test(name)
export const isPackName = (name: string): boolean => packForm.test(name)

/** Which run: its folder is `<project>/<name>/runs/<run id>`. */
export interface RunKey {
  readonly project: string
  readonly name: string
  readonly runId: string
}

/** The run's folder, relative to the root of the runs. */
export function runFolder({ project, name, runId }: RunKey): string {
  return `${project}/${name}/runs/${runId}`
}

/** Whether the text is one segment that a key of a store may have: no slash, no `.` or `..`, no control character, 255 bytes at most. */
export function isRunName(text: string): boolean {
  return !text.includes('/') && isKey(text)
}

export function isRunKey(key: RunKey): boolean {
  return isRunName(key.project) && isRunName(key.name) && isRunName(key.runId) && isKey(runFolder(key))
}

/** Whether a file of the run may have this path, relative to the run's folder. */
export function isRunPath(key: RunKey, path: string): boolean {
  return isKey(`${runFolder(key)}/${path}`)
}

/** The order of runs within a project: by id, then by name. */
export function compareRuns(a: Pick<RunKey, 'name' | 'runId'>, b: Pick<RunKey, 'name' | 'runId'>): number {
  return compareKeys(a.runId, b.runId) || compareKeys(a.name, b.name)
}
