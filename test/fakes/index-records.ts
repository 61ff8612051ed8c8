import { digestOf } from '../../src/kit/index.ts'
import type { ProjectRecord, PublishedFile } from '../../src/python-index/records/project.ts'

/** A wheel or sdist as a record has it: only its name and version matter. */
export function publishedFile(name: string, more: Partial<PublishedFile> = {}): PublishedFile {
  return {
    kind: name.endsWith('.whl') ? 'wheel' : 'sdist',
    name,
    version: /^[^-]+-([^-]+?)(-|\.tar\.gz$|\.zip$)/.exec(name)?.[1] ?? '1.0',
    size: name.length,
    etag: `"${name.length}"`,
    uploaded: '2025-01-07T14:30:00Z',
    digest: digestOf(name),
    ...more,
  }
}

export function projectRecord(name: string, files: readonly PublishedFile[], more: Partial<ProjectRecord> = {}): ProjectRecord {
  return {
    format: 'holdfast-index-project/1',
    name,
    status: { status: 'active' },
    files,
    refused: [],
    withdrawn: [],
    metadata: {},
    reaches: [],
    ...more,
  }
}
