import path from 'node:path'
import type { HttpClient } from '../kit/http/index.ts'
import type { Clock, Report } from '../kit/index.ts'
import { findCredentials, openRegistry, type Registry } from '../oci/index.ts'
import { type GitHub, openGitHub } from './github/github.ts'
import { githubToken } from './github/token.ts'
import { type GitLab, openGitLab } from './gitlab/gitlab.ts'
import { findGitLabToken } from './gitlab/token.ts'
import { type LayerMemory, openLayerMemory } from './push/layer-memory.ts'
import { type ImagesAccess, registrySources } from './registry-login.ts'
import { gitlabHostOf, type ImagesSettings, registryOf } from './settings.ts'

/** Everything that the commands on images need from outside. Whoever is asked is opened when he is first asked for, and so are his secrets. */
export interface ImagesContext {
  readonly settings: ImagesSettings
  github(): Promise<GitHub>
  /** The configured one; throws `invalid` where none is. */
  gitlab(): Promise<GitLab>
  /** The same. */
  registry(): Promise<Registry>
  /** What is known of layers on this machine. */
  memory(): Promise<LayerMemory>
  /** What was found out about runs and layers. It may be deleted. */
  readonly cacheDir: string
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

export interface ImagesWorld extends Pick<ImagesContext, 'settings' | 'clock' | 'random' | 'report' | 'signal'> {
  readonly access: ImagesAccess
  /** `ca` are certificates that are trusted beside the system's, in PEM. */
  readonly http: (ca?: string) => Promise<HttpClient>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where Docker's configuration is. */
  readonly home: string
  readonly cacheRoot: string
}

export function openImages(world: ImagesWorld): ImagesContext {
  const { settings, access, env, clock, random, report, signal, http } = world
  const cacheDir = path.join(world.cacheRoot, 'images')
  return {
    settings,
    github: once(async () => {
      const { repo, workflow, githubApi: api, preset } = settings
      const token = githubToken({ given: access.githubToken, api, env, report, signal })
      return openGitHub({
        api,
        repo,
        workflow,
        metadata: preset.metadata,
        token,
        http: await http(),
        cacheDir,
        clock,
        random,
        report,
        signal,
      })
    }),
    gitlab: once(async () => {
      const host = gitlabHostOf(settings)
      const token = async () => findGitLabToken({ given: access.gitlabToken, env, host })
      return openGitLab({ host, project: settings.gitlabProject, token, http: await http(access.certificates) })
    }),
    registry: once(async () => {
      const host = registryOf(settings)
      const credentials = findCredentials(registrySources(settings, access, world))
      return openRegistry({ host, http: await http(access.certificates), credentials, isPlain: settings.isPlain, clock, random, report })
    }),
    memory: once(() => openLayerMemory(path.join(cacheDir, 'layers.json'), report)),
    cacheDir,
    clock,
    random,
    report,
    signal,
  }
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined
  return () => (opened ??= open())
}
