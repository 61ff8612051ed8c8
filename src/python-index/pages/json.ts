import { canonicalJson } from '../../kit/index.ts'
import { apiVersion, type FileDetail, type ProjectDetail } from './detail.ts'

/** PEP 691 with 592 (yank), 700 (versions, size, upload time), 714 (metadata), 740 (provenance), 792 (status). */
export function projectJson({ name, status, versions, files }: ProjectDetail): string {
  return `${canonicalJson({ meta, name, 'project-status': status, versions, files: files.map(fileObject) })}\n`
}

export function rootJson(names: readonly string[]): string {
  return `${canonicalJson({ meta, projects: names.map((name) => ({ name })) })}\n`
}

const meta = { 'api-version': apiVersion }

function fileObject(file: FileDetail) {
  return {
    filename: file.name,
    url: file.url,
    hashes: file.sha256 === undefined ? {} : { sha256: file.sha256 },
    size: file.size,
    'upload-time': file.uploaded,
    'requires-python': file.requiresPython,
    // A reason must not be empty here.
    yanked: file.yanked === '' ? true : file.yanked,
    // Never as `dist-info-metadata` too: pip before 23.2 fails on that (PEP 714).
    'core-metadata': file.metadata && { sha256: file.metadata },
    provenance: file.provenance,
  }
}
