import { Fault, isDigest } from '../../kit/index.ts'
import { isRepository, isTag } from '../reference.ts'

/** Of a repository; what is no name of one never gets into a path. Throws `invalid`. */
export function repositoryPath(repository: string): string {
  if (!isRepository(repository)) throw new Fault('invalid', `not a repository: ${JSON.stringify(repository.slice(0, 300))}`)
  return `/v2/${repository}`
}

/** Of a manifest, by tag or digest. Throws `invalid`. */
export function manifestPath(repository: string, reference: string): string {
  if (!isDigest(reference) && !isTag(reference)) {
    throw new Fault('invalid', `neither a tag nor a digest: ${JSON.stringify(reference.slice(0, 300))}`)
  }
  return `${repositoryPath(repository)}/manifests/${reference}`
}
