/** What the pages of a bucket say, held against what the bucket has. Nothing of the code under test is asked. */
import assert from 'node:assert/strict'
import { collect, type Digest, digestOf, isFault } from '../../src/kit/index.ts'
import { type ObjectStore, readAll } from '../../src/store/index.ts'

interface JsonFile {
  readonly filename: string
  readonly url: string
  readonly size?: number
  readonly hashes: { readonly sha256?: string }
  readonly yanked?: string | boolean
  readonly 'requires-python'?: string
  readonly 'core-metadata'?: { readonly sha256: string }
}

export interface JsonPage {
  readonly name: string
  readonly versions: readonly string[]
  readonly files: readonly JsonFile[]
}

/** Every key with the digest of its bytes. */
export async function contentsOf(store: ObjectStore, prefix = ''): Promise<Map<string, Digest>> {
  const contents = new Map<string, Digest>()
  for await (const { key } of store.list(prefix)) contents.set(key, digestOf(await collect(await store.get(key), 1 << 26)))
  return contents
}

/** The JSON page of a project; undefined where there is none. */
export async function pageOf(bucket: ObjectStore, prefix: string, project: string): Promise<JsonPage | undefined> {
  const text = await textOf(bucket, `${prefix}/${project}/index.json`)
  return text === undefined ? undefined : (JSON.parse(text) as JsonPage)
}

/** Names of files that a project's page lists. */
export async function filesOf(bucket: ObjectStore, prefix: string, project: string): Promise<string[]> {
  return ((await pageOf(bucket, prefix, project))?.files ?? []).map(({ filename }) => filename)
}

/** Names that the root page lists. */
export async function projectsOf(bucket: ObjectStore, prefix: string): Promise<string[] | undefined> {
  const text = await textOf(bucket, `${prefix}/index.json`)
  return text === undefined ? undefined : (JSON.parse(text) as { projects: { name: string }[] }).projects.map(({ name }) => name)
}

export async function textOf(store: ObjectStore, key: string): Promise<string | undefined> {
  try {
    return Buffer.from((await readAll(store, key, { limit: 1 << 24 })).bytes).toString()
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** Each page that stands names only files that are there, with the size, digest and METADATA that they have; both forms name the same. */
export async function assertPagesTrue(bucket: ObjectStore, prefix: string): Promise<void> {
  const contents = await contentsOf(bucket, `${prefix}/`)
  for (const key of contents.keys()) {
    const project = /^([^/]+)\/index\.(?:json|html)$/.exec(key.slice(prefix.length + 1))?.[1]
    if (project === undefined) continue
    if (key.endsWith('.html')) checkHtml(prefix, project, key, contents, (await textOf(bucket, key))!)
    else checkJson(prefix, key, contents, JSON.parse((await textOf(bucket, key))!) as JsonPage)
  }
}

/** The same, and the root page names exactly the projects that have pages in both forms, each of which names the same files. */
export async function assertInLine(bucket: ObjectStore, prefix: string): Promise<void> {
  await assertPagesTrue(bucket, prefix)
  const keys = [...(await contentsOf(bucket, `${prefix}/`)).keys()].map((key) => key.slice(prefix.length + 1))
  const projects = await projectsOf(bucket, prefix)
  for (const form of ['html', 'json']) {
    const pages = keys.flatMap((key) => (key.endsWith(`/index.${form}`) ? [key.slice(0, -`/index.${form}`.length)] : []))
    assert.deepEqual(pages.sort(), projects, `${form} pages of ${prefix}`)
  }
  for (const project of projects ?? []) {
    const html = (await textOf(bucket, `${prefix}/${project}/index.html`))!
    const names = linksIn(html).map(({ file }) => file)
    assert.deepEqual(names, await filesOf(bucket, prefix, project), `both pages of ${prefix}/${project}`)
  }
}

function checkJson(prefix: string, key: string, contents: ReadonlyMap<string, Digest>, page: JsonPage): void {
  for (const file of page.files) {
    assert.equal(decodeURIComponent(file.url), `../${file.filename}`, key)
    const there = contents.get(`${prefix}/${file.filename}`)
    assert.ok(there !== undefined, `${key} names ${file.filename}, which is not there`)
    if (file.hashes.sha256 !== undefined) assert.equal(`sha256:${file.hashes.sha256}`, there, `${key}: digest of ${file.filename}`)
    const metadata = file['core-metadata']
    if (metadata !== undefined)
      assert.equal(contents.get(`${prefix}/${file.filename}.metadata`), `sha256:${metadata.sha256}`, `${key}: METADATA of ${file.filename}`)
  }
}

function checkHtml(prefix: string, project: string, key: string, contents: ReadonlyMap<string, Digest>, html: string): void {
  assert.ok(html.includes(`<title>Links for ${project}</title>`), key)
  for (const { file, digest } of linksIn(html)) {
    const there = contents.get(`${prefix}/${file}`)
    assert.ok(there !== undefined, `${key} names ${file}, which is not there`)
    if (digest !== undefined) assert.equal(digest, there, `${key}: digest of ${file}`)
  }
}

function linksIn(html: string): { file: string; digest: string | undefined }[] {
  return [...html.matchAll(/<a href="\.\.\/([^"#]+)(?:#sha256=([0-9a-f]{64}))?"/g)].map(([, file, hex]) => ({
    file: decodeURIComponent(file!),
    digest: hex === undefined ? undefined : `sha256:${hex}`,
  }))
}
