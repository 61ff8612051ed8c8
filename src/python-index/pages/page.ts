import type { IndexEnvironment } from '../environment.ts'
import type { ProjectRecord } from '../records/project.ts'
import { projectDetail } from './detail.ts'
import { projectHtml, rootHtml } from './html.ts'
import { projectJson, rootJson } from './json.ts'

/** One page as it lies in the bucket. */
export interface Page {
  /** In the bucket. */
  readonly key: string
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** Pure: the same record gives the same bytes. `index.html` and `index.json` of one project. */
export function projectPages(prefix: string, record: ProjectRecord, environment: Pick<IndexEnvironment, 'urls'>): Page[] {
  const detail = projectDetail(prefix, record, environment)
  return pagesIn(below(prefix, record.name), projectHtml(detail), projectJson(detail))
}

/** Pure. `index.html` and `index.json` of a whole index; of the projects, normalised names in any order. */
export function rootPages(prefix: string, projects: readonly string[]): Page[] {
  const names = [...new Set(projects)].sort()
  return pagesIn(prefix, rootHtml(names), rootJson(names))
}

function pagesIn(folder: string, html: string, json: string): Page[] {
  return [
    { key: below(folder, 'index.html'), bytes: encode(html), contentType: 'text/html; charset=utf-8' },
    { key: below(folder, 'index.json'), bytes: encode(json), contentType: 'application/vnd.pypi.simple.v1+json' },
  ]
}

function below(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
