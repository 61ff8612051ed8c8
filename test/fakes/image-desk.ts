import { digestOf } from '../../src/kit/index.ts'
import { createHttp } from '../../src/kit/http/index.ts'
import { type ImagesAccess, type ImagesContext, type ImagesSettings, openImages, velox } from '../../src/images/index.ts'
import { type GitHubOptions, type GitHubStandIn, startGitHub } from './github/github.ts'
import type { RunScene } from './github/scene.ts'
import { type FakeGitLab, startGitLab } from './gitlab/server.ts'
import { hastyClock } from './hasty-clock.ts'
import { archiveBytes, dockerMembers, fakeImage, fakeLayer } from './images.ts'
import { zipBytes, type ZipMember } from './zip-bytes.ts'

export const runTag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'

/** The families that a run of the stand-in makes, unless its block says otherwise. */
export const madeFamilies = ['presto-coordinator', 'presto-native-worker-cpu', 'presto-native-worker-gpu'] as const

/** A tarball as `docker save | gzip` makes it: one layer that all of them share, and one of its own. */
export function tarballOf(family: string, salt = 'one', architecture = 'amd64'): Buffer {
  const shared = Buffer.alloc(40_000, 'the same for all')
  const layers = [fakeLayer({ 'lib/shared': shared }), fakeLayer({ [`opt/${family}`]: `${family} ${salt}` })]
  return archiveBytes(dockerMembers([fakeImage(`${family}:built`, layers, architecture)]), 'gzip')
}

/** A run with its artifact: the tarballs of a tag, as the workflow uploads them. */
export function runScene(
  tag = runTag,
  options: RunScene & { readonly members?: readonly ZipMember[]; readonly salt?: string } = {},
): RunScene {
  const { members, salt = tag, ...scene } = options
  const usual = madeFamilies.map((family): ZipMember => ({
    name: `${family}-${tag}.tar.gz`,
    content: tarballOf(family, salt, tag.endsWith('arm64') ? 'arm64' : 'amd64'),
    isStored: true,
  }))
  const content = zipBytes(members ?? [...usual, { name: 'build-metadata.txt', content: Buffer.from(`Image tag: ${tag}\n`) }])
  return { tag, artifacts: [{ name: 'presto-images', content, digest: digestOf(content) }], ...scene }
}

export interface ImageDesk {
  readonly github: GitHubStandIn
  /** Shows what the registry has, where one is given. */
  readonly gitlab: FakeGitLab
  readonly settings: ImagesSettings
  readonly context: ImagesContext
  readonly notes: string[]
  /** Another machine, or the same after a restart: nothing is remembered but what its folders hold. */
  again(cacheRoot?: string): ImagesContext
  close(): Promise<void>
}

export interface ImageDeskOptions {
  /** For caches. */
  readonly folder: string
  readonly github?: GitHubOptions
  readonly runs?: readonly RunScene[]
  /** `127.0.0.1:port` */
  readonly registry?: string
  readonly login?: { readonly user: string; readonly password: string } | undefined
  readonly project?: string
  readonly settings?: Partial<ImagesSettings>
  readonly access?: ImagesAccess
  readonly signal?: AbortSignal
}

/** GitHub and GitLab as they stand in for the real ones, a registry, and a context as a command has it. */
export async function imageDesk(options: ImageDeskOptions): Promise<ImageDesk> {
  const { folder, runs = [runScene()], registry, login, project = 'tests/images', signal } = options
  const github = await startGitHub({ runs, ...options.github })
  const authorization = login === undefined ? undefined : `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  const shown = registry === undefined ? {} : { registry: { url: `http://${registry}`, authorization } }
  const gitlab = await startGitLab({ project, token: 'glpat-of-the-tests', ...shown })
  const notes: string[] = []
  const clock = hastyClock(Date.parse('2026-01-02T03:04:05Z'))
  const report: ImagesContext['report'] = (event) => void (event.kind === 'note' && notes.push(event.text))
  const random = () => 0.5
  const settings: ImagesSettings = {
    ...velox,
    githubApi: github.api,
    repo: github.repo,
    workflow: github.workflow,
    limit: 20,
    gitlabHost: gitlab.url,
    gitlabProject: project,
    tagsFrom: 'gitlab',
    registry: registry ?? '127.0.0.1:9',
    registryProject: project,
    isPlain: true,
    moving: ['latest'],
    interval: 900_000,
    downloadsDir: `${folder}/downloads`,
    ...options.settings,
  }
  const clients: { close(): void }[] = []
  const again = (cacheRoot = `${folder}/cache`) => {
    const http = createHttp({ clock, random, userAgent: 'holdfast/test', report })
    clients.push(http)
    const secrets = { githubToken: github.token, gitlabToken: 'glpat-of-the-tests', registryPassword: login?.password }
    const access = { ...secrets, ...options.access }
    const own = { ...settings, registryUsername: login?.user }
    return openImages({ settings: own, access, http: async () => http, env: {}, home: folder, cacheRoot, clock, random, report, signal })
  }
  return {
    github,
    gitlab,
    settings,
    context: again(),
    notes,
    again,
    async close() {
      for (const client of clients) client.close()
      await gitlab.close()
      await github.close()
    },
  }
}
