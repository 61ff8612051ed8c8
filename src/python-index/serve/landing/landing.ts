import { hash } from 'node:crypto'
import { formatBytes } from '../../../kit/index.ts'
import { encodeSegment } from '../../pages/detail.ts'
import { escapeHtml } from '../../pages/html.ts'
import type { Catalogue } from '../../records/catalogue.ts'
import type { IndexRef } from '../../records/state.ts'
import { script } from './script.ts'
import { style } from './style.ts'

/** A page for people. */
export interface Landing {
  readonly html: string
  /** Its content security policy: the page's own style and script, and questions to the same index. */
  readonly policy: string
}

/**
 * Pure. The projects of one index, with a search and the line to install from it; versions come from the project's own page when somebody
 * opens it. Every link in it is a project, so that it is a root page of PEP 503 as well.
 */
export function indexLanding(ref: IndexRef, prefix: string, projects: Catalogue['projects']): Landing {
  const { projects: count, files, bytes } = ref.state.prefixes[prefix]!
  const entries = Object.keys(projects)
    .sort()
    .map((name) => projectEntry(name, projects[name]!.files, projects[name]!.bytes))
  const title = prefix === '' ? 'Python index' : prefix
  return page(title, [
    `<p class="facts">${facts([counted(count, 'package'), counted(files, 'file'), formatBytes(bytes), changedAt(ref, prefix)])}</p>`,
    '<div class="line"><code id="line">pip install --index-url <span id="url">(the address of this page)</span> <span>PACKAGE</span></code></div>',
    '<label class="search" for="search">Search<input id="search" type="search" placeholder="package name" autocomplete="off" spellcheck="false"></label>',
    '<p id="found" role="status"></p>',
    `<ul id="list">\n${entries.join('\n')}\n</ul>`,
    entries.length === 0 ? '<p>Nothing is published here.</p>' : '',
  ])
}

/** Pure. The indexes below a folder; empty: all of them. */
export function folderLanding(ref: IndexRef | undefined, folder: string): Landing {
  const start = folder === '' ? '' : `${folder}/`
  const prefixes = Object.entries(ref?.state.prefixes ?? {})
    .filter(([prefix]) => prefix.startsWith(start))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const entries = prefixes.map(([prefix, { projects, files, bytes }]) => {
    const below = prefix.slice(start.length)
    const href = below.split('/').map(encodeSegment).join('/')
    return `<li><a href="${escapeHtml(href)}/">${escapeHtml(below)}</a><span class="facts">${facts([counted(projects, 'package'), counted(files, 'file'), formatBytes(bytes)])}</span></li>`
  })
  return page(folder === '' ? 'Python indexes' : folder, [
    '<label class="search" for="search">Search<input id="search" type="search" placeholder="index name" autocomplete="off" spellcheck="false"></label>',
    '<p id="found" role="status"></p>',
    `<ul id="list">\n${entries.join('\n')}\n</ul>`,
    entries.length === 0 ? '<p>Nothing is published here yet.</p>' : '',
  ])
}

function projectEntry(name: string, files: number, bytes: number): string {
  const link = `<a href="${escapeHtml(encodeSegment(name))}/">${escapeHtml(name)}</a>`
  return `<li><details><summary>${link}<span class="facts">${facts([counted(files, 'file'), formatBytes(bytes)])}</span></summary></details></li>`
}

function page(title: string, parts: readonly string[]): Landing {
  const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="pypi:repository-version" content="1.0">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${parts.filter((part) => part !== '').join('\n')}
</main>
<script>${script}</script>
</body>
</html>
`
  return { html, policy }
}

const policy = [
  "default-src 'none'",
  `style-src ${sourceOf(style)}`,
  `script-src ${sourceOf(script)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

function sourceOf(text: string): string {
  return `'sha256-${hash('sha256', text, 'base64')}'`
}

function facts(parts: readonly (string | undefined)[]): string {
  return parts
    .filter((part) => part !== undefined)
    .map((part) => `<span>${escapeHtml(part)}</span>`)
    .join(' ')
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}

function changedAt({ history }: IndexRef, prefix: string): string | undefined {
  const move = history.findLast(({ note }) => Object.hasOwn(note.prefixes, prefix))
  return move && `changed ${move.at.slice(0, 16).replace('T', ' ')} UTC`
}
