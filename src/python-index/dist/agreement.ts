import { Fault } from '../../kit/index.ts'
import { isProjectName, normaliseName } from '../names/project-name.ts'
import { compareVersions, normaliseVersion } from '../names/version.ts'
import type { CoreMetadata } from './metadata.ts'

/** Of the file's name, normalised. */
export interface Named {
  readonly name: string
  readonly version: string
}

/** Throws `invalid` where the metadata is of another project or version than the file's name: pip refuses such a file once it is downloaded. */
export function checkAgreement(core: CoreMetadata, named: Named): void {
  if (normaliseName(core.name) !== named.name) {
    throw new Fault('invalid', `its metadata says the name ${core.name}, the file's name says ${named.name}`)
  }
  if (compareVersions(core.version, named.version) !== 0) {
    throw new Fault('invalid', `its metadata says the version ${core.version}, the file's name says ${named.version}`)
  }
}

/** Whether a folder `<name>-<version>` is of that project and version, however it is spelled. */
export function isFolderOf(folder: string, named: Named): boolean {
  const dash = folder.lastIndexOf('-')
  if (dash < 0) return false
  const name = folder.slice(0, dash)
  const written = folder.slice(dash + 1)
  // A dash of a version is an underscore in file names.
  const version = normaliseVersion(written) ?? normaliseVersion(written.replaceAll('_', '-'))
  return isProjectName(name) && normaliseName(name) === named.name && version !== undefined && compareVersions(version, named.version) === 0
}
