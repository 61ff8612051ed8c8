import { type Answer, type Asked, asFault, collect, type Fault, type Report, type Responder } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { isProjectName, normaliseName } from '../names/project-name.ts'
import { distributionOf, metadataEnd } from '../publish/layout.ts'
import type { CataloguedProject } from '../records/catalogue.ts'
import type { PublishedFile } from '../records/project.ts'
import type { IndexRef, PrefixState } from '../records/state.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { redirect, respondFault, respondText, withoutBody } from './answers.ts'
import { answerFile, answerMetadata, answerMetadataBytes, answerProvenance, type FileRequest } from './files.ts'
import { streamOf } from './body.ts'
import { createPageAnswers, type PageAnswers, type PageRequest } from './pages.ts'
import { createPullThrough, type PulledProject, type PullThrough } from './pull-through.ts'
import { createReadThrough, type ReadThrough } from './read-through.ts'
import { type Route, routeOf, withSlash } from './route.ts'

export interface HandlerOptions {
  /** Milliseconds in which the ref is not looked at again; 1,000 unless told. */
  readonly freshFor?: number | undefined
  /**
   * Another index, that gives what this one lacks: projects that no prefix has and the environment allows. Their files are kept in the
   * bucket, and the next publication lists them; from then on the project is ours and comes from here alone.
   */
  readonly upstream?: Upstream | undefined
}

interface Desk {
  readonly context: IndexContext
  readonly readThrough: ReadThrough
  readonly pages: PageAnswers
  readonly pull: PullThrough | undefined
}

/**
 * The index over HTTP, as the ref says that it is: the paths, pages and files of the bucket, from any store, in the form that each
 * client likes best (PEP 691). Never rejects: what goes wrong is told to the context's report and answered as 404, 503 or 500.
 * Whoever mounts it takes off what stands before its own paths.
 */
export function indexResponder(given: IndexContext, options: HandlerOptions = {}): Responder {
  // Whoever listens decides how long a request has once the end is asked for: its own signal says so.
  const context = { ...given, signal: undefined }
  const readThrough = createReadThrough(context, options.freshFor ?? 1_000)
  const pull = options.upstream && createPullThrough(given, options.upstream, readThrough)
  const desk: Desk = { context, readThrough, pages: createPageAnswers(context.environment, readThrough), pull }
  return async (asked) => {
    if (asked.method !== 'GET' && asked.method !== 'HEAD') return respondText(405, 'only GET and HEAD', { allow: 'GET, HEAD' })
    try {
      const found = await answer(desk, asked, asked.path)
      return asked.method === 'HEAD' ? withoutBody(found) : found
    } catch (error) {
      return failed(asFault(error), asked.path, asked, context.report)
    }
  }
}

/** The same for servers that speak with the requests and responses of the web's standard. */
export function indexHandler(given: IndexContext, options: HandlerOptions = {}): (request: Request) => Promise<Response> {
  const respond = indexResponder(given, options)
  return async (request) => {
    const { method, headers, signal } = request
    const { pathname: path, search } = new URL(request.url)
    const asked = {
      method,
      target: `${path}${search}`,
      path,
      search,
      headers,
      signal,
      address: '',
      body: async (limit: number) => await collect(request.body ?? none(), limit),
    }
    const { status, headers: told, body } = await respond(asked)
    // Views of an ArrayBuffer are bodies; the type of the standard library knows shared ones too.
    const content = body === null || body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer> | null) : streamOf(body)
    return new Response(content, { status, headers: told })
  }
}

async function answer(desk: Desk, request: Asked, path: string): Promise<Answer> {
  const ref = await desk.readThrough.index()
  const prefixes = Object.keys(ref?.state.prefixes ?? {})
  const route = routeOf(path, desk.pull === undefined ? prefixes : [...prefixes, ...desk.context.environment.prefixes])
  const { search, headers } = request
  const asked: PageRequest = { headers, format: search === '' ? null : new URLSearchParams(search).get('format') }
  switch (route.kind) {
    case 'hostile':
      return respondText(400, 'this is no path of an index')
    case 'none':
      return absent()
    case 'slash':
      return redirect(`${route.to}${search}`)
    case 'folder':
      return desk.pages.folder(asked, ref, route.folder)
    case 'root':
      return stateOf(ref, route.prefix) === undefined ? absent() : await desk.pages.root({ ...asked, form: route.form }, ref!, route.prefix)
    case 'project':
      return await answerProject(desk, ref, route, { ...asked, form: route.form }, search)
    case 'file':
      return await answerNamed(desk, ref, route, request, search)
  }
}

/** Under any spelling, a redirect to the one of PEP 503. */
async function answerProject(
  desk: Desk,
  ref: IndexRef | undefined,
  { prefix, name, form }: Extract<Route, { kind: 'project' }>,
  asked: PageRequest,
  search: string,
): Promise<Answer> {
  const entry = await findProject(desk, ref, prefix, name)
  const pulled = entry === undefined ? await pullProject(desk, ref, name) : undefined
  if (entry === undefined && pulled === undefined) return absent()
  const normal = normaliseName(name)
  if (normal !== name) return redirect(`../${normal}/${form === undefined ? '' : `index.${form}`}${search}`)
  return entry === undefined ? desk.pages.unpublished(asked, prefix, pulled!) : await desk.pages.project(asked, prefix, entry)
}

/** A distribution, what stands beside one, or a project whose slash is missing. */
async function answerNamed(
  desk: Desk,
  ref: IndexRef | undefined,
  { prefix, name }: Extract<Route, { kind: 'file' }>,
  request: FileRequest,
  search: string,
): Promise<Answer> {
  for (const [end, answerIt] of [
    ['.metadata', answerMetadata],
    ['.provenance', answerProvenance],
    ['', answerFile],
  ] as const) {
    const file = name.endsWith(end) ? await findFile(desk, ref, prefix, name.slice(0, name.length - end.length)) : undefined
    if (file !== undefined) return await answerIt(desk.context, request, prefix, file)
  }
  const pulled = await answerPulled(desk, ref, prefix, name, request)
  if (pulled !== undefined) return pulled
  if (isOfFile(name)) return absent()
  const isProject = (await findProject(desk, ref, prefix, name)) !== undefined || (await pullProject(desk, ref, name)) !== undefined
  return isProject ? redirect(`${withSlash(normaliseName(name))}${search}`) : absent()
}

/** Nobody asks the upstream for a project of such a name. */
function isOfFile(name: string): boolean {
  return distributionOf(name.replace(/\.(?:metadata|provenance)$/, '')) !== undefined
}

/** A file of a project that only the upstream has, or its METADATA, for which the file itself is not fetched. */
async function answerPulled(
  desk: Desk,
  ref: IndexRef | undefined,
  prefix: string,
  name: string,
  request: FileRequest,
): Promise<Answer | undefined> {
  if (desk.pull === undefined) return undefined
  const isMetadata = name.endsWith(metadataEnd)
  const fileName = isMetadata ? name.slice(0, -metadataEnd.length) : name
  const project = await pullProject(desk, ref, distributionOf(fileName)?.name)
  const file = project?.files.get(fileName)
  if (project === undefined || file === undefined) return undefined
  if (!isMetadata) return await answerFile(desk.context, request, prefix, await desk.pull.file(prefix, project, file))
  const { pull } = desk
  const { metadata } = file
  return metadata && (await answerMetadataBytes(desk.context, request, metadata, () => pull.metadata(file, request.signal)))
}

async function pullProject(desk: Desk, ref: IndexRef | undefined, name: string | undefined): Promise<PulledProject | undefined> {
  return name === undefined || !isProjectName(name) ? undefined : await desk.pull?.project(ref, normaliseName(name))
}

function stateOf(ref: IndexRef | undefined, prefix: string): PrefixState | undefined {
  const prefixes = ref?.state.prefixes ?? {}
  return Object.hasOwn(prefixes, prefix) ? prefixes[prefix] : undefined
}

async function findProject(desk: Desk, ref: IndexRef | undefined, prefix: string, name: string): Promise<CataloguedProject | undefined> {
  const state = stateOf(ref, prefix)
  if (state === undefined || !isProjectName(name)) return undefined
  const { projects } = await desk.readThrough.catalogue(state.catalogue)
  const normal = normaliseName(name)
  return Object.hasOwn(projects, normal) ? projects[normal] : undefined
}

async function findFile(desk: Desk, ref: IndexRef | undefined, prefix: string, name: string): Promise<PublishedFile | undefined> {
  const distribution = distributionOf(name)
  if (distribution === undefined) return undefined
  const entry = await findProject(desk, ref, prefix, distribution.name)
  if (entry === undefined) return undefined
  const { record, files } = await desk.readThrough.project(entry)
  // PEP 792: no files of a quarantined project are offered.
  return record.status.status === 'quarantined' ? undefined : files.get(name)
}

function absent(): Answer {
  return respondText(404, 'it is not in this index')
}

function failed(fault: Fault, path: string, { signal }: Asked, report: Report): Answer {
  // A client that went away is no news.
  if (!signal.aborted) {
    const text = `${JSON.stringify(path)} could not be served: ${fault.message}`
    report({ kind: 'note', level: 'warning', event: 'index_serve_failed', text })
  }
  return respondFault(fault)
}

async function* none(): AsyncGenerator<Uint8Array> {}
