/** What a GitLab of the tests knows of images: written down by a test, or read from a registry as it stands. */
import { digestOf } from '../../../src/kit/index.ts'

export interface ShelvedTag {
  readonly name: string
  readonly digest: string
  /** The config's digest without its algorithm. */
  readonly revision: string
  readonly createdAt: string | null
  readonly size: number
}

export interface Shelf {
  /** Below the project, in the order in which they came to be known. */
  repositories(): Promise<readonly string[]>
  tags(repository: string): Promise<readonly string[]>
  details(repository: string, tag: string): Promise<ShelvedTag | undefined>
}

/** Every tag has another digest, which follows from its name. */
export function writtenShelf(repositories: Readonly<Record<string, readonly string[]>>): Shelf {
  return {
    repositories: () => Promise.resolve(Object.keys(repositories)),
    tags: (repository) => Promise.resolve(repositories[repository] ?? []),
    details: (repository, name) =>
      Promise.resolve(
        repositories[repository]?.includes(name) === true
          ? {
              name,
              digest: digestOf(`${repository}:${name}`),
              revision: digestOf(name).slice('sha256:'.length),
              createdAt: '2025-03-06T16:49:51.272+00:00',
              size: 350_224_384,
            }
          : undefined,
      ),
  }
}

interface Listed {
  readonly repositories?: readonly string[]
  readonly tags?: readonly string[] | null
}

interface Stored {
  readonly config?: { readonly digest: string; readonly size: number }
  readonly layers?: readonly { readonly size: number }[]
}

/** What a registry has below the project now. */
export function registryShelf(
  { url, authorization }: { readonly url: string; readonly authorization?: string | undefined },
  project: string,
): Shelf {
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    accept:
      'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json',
  }
  const ask = (path: string) => fetch(new URL(path, url), { headers })
  /** All pages of a list, as the registry links them. */
  const list = async (path: string): Promise<Listed[]> => {
    const pages: Listed[] = []
    for (let next: string | undefined = path; next !== undefined;) {
      const answer = await ask(next)
      if (answer.status === 404) return pages
      if (!answer.ok) throw new Error(`${next}: ${answer.status}`)
      pages.push((await answer.json()) as Listed)
      next = /<([^<>]+)>; *rel="?next/.exec(answer.headers.get('link') ?? '')?.[1]
    }
    return pages
  }
  return {
    async repositories() {
      const all = (await list('/v2/_catalog?n=1000')).flatMap((page) => page.repositories ?? [])
      return all.filter((path) => path.startsWith(`${project}/`)).map((path) => path.slice(project.length + 1))
    },
    async tags(repository) {
      return (await list(`/v2/${project}/${repository}/tags/list?n=1000`)).flatMap((page) => page.tags ?? [])
    },
    async details(repository, name) {
      const answer = await ask(`/v2/${project}/${repository}/manifests/${name}`)
      if (answer.status === 404) return undefined
      const { config, layers } = (await answer.json()) as Stored
      const image =
        config === undefined
          ? undefined
          : ((await (await ask(`/v2/${project}/${repository}/blobs/${config.digest}`)).json()) as { created?: string })
      return {
        name,
        digest: answer.headers.get('docker-content-digest')!,
        revision: config?.digest.slice('sha256:'.length) ?? '',
        createdAt: image?.created ?? null,
        size: (layers ?? []).reduce((sum, { size }) => sum + size, config?.size ?? 0),
      }
    },
  }
}
