import type { ProjectStatus } from '../records/project.ts'
import { apiVersion, encodeSegment, type FileDetail, type ProjectDetail } from './detail.ts'

/** PEP 503 with 592 (yank), 629 (version), 658 and 714 (metadata), 740 (provenance), 792 (status). */
export function projectHtml({ name, status, files }: ProjectDetail): string {
  return page(`Links for ${name}`, statusMetas(status), files.map(fileAnchor))
}

export function rootHtml(names: readonly string[]): string {
  return page(
    'Simple index',
    [],
    names.map((name) => anchor(name, { href: `${encodeSegment(name)}/` })),
  )
}

function page(title: string, metas: readonly string[], anchors: readonly string[]): string {
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    meta('pypi:repository-version', apiVersion),
    ...metas,
    `<title>${escapeHtml(title)}</title>`,
    '</head>',
    '<body>',
    `<h1>${escapeHtml(title)}</h1>`,
    ...anchors.map((each) => `${each}<br>`),
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function statusMetas(status: ProjectStatus | undefined): string[] {
  if (status === undefined) return []
  const { status: marker, reason } = status
  return [meta('pypi:project-status', marker), ...(reason === undefined ? [] : [meta('pypi:project-status-reason', reason)])]
}

function fileAnchor(file: FileDetail): string {
  const metadata = file.metadata && `sha256=${file.metadata}`
  return anchor(file.name, {
    href: file.sha256 === undefined ? file.url : `${file.url}#sha256=${file.sha256}`,
    'data-requires-python': file.requiresPython,
    'data-yanked': file.yanked,
    'data-core-metadata': metadata,
    // The name that this had before PEP 714; older installers know no other.
    'data-dist-info-metadata': metadata,
    'data-provenance': file.provenance,
  })
}

function anchor(text: string, attributes: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `<a ${given.map(([name, value]) => `${name}="${escapeHtml(value)}"`).join(' ')}>${escapeHtml(text)}</a>`
}

function meta(name: string, content: string): string {
  return `<meta name="${name}" content="${escapeHtml(content)}">`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!)
}
