import type { Route } from './routes/route.ts'

export type Routed =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is there, and can be asked with these methods. */
  | { readonly kind: 'other-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' }

export interface Router {
  /** The path below the API's own, already in segments and unescaped. */
  find(method: string, segments: readonly string[]): Routed
}

/** Literal segments win over names, whatever the order of the routes. */
export function createRouter(routes: readonly Route[]): Router {
  const byLength = Map.groupBy(
    routes.map((route) => ({ route, parts: route.path.split('/').slice(1) })),
    ({ parts }) => parts.length,
  )
  const literals = (parts: readonly string[]) => parts.map((part) => (nameOf(part) === undefined ? '0' : '1')).join('')
  for (const some of byLength.values()) some.sort((a, b) => (literals(a.parts) < literals(b.parts) ? -1 : 1))
  return {
    find(method, segments) {
      const fitting = (byLength.get(segments.length) ?? []).filter(({ parts }) =>
        parts.every((part, at) => nameOf(part) !== undefined || part === segments[at]),
      )
      const [first] = fitting
      if (first === undefined) return { kind: 'none' }
      // A less literal path is another thing.
      const same = fitting.filter(({ route }) => route.path === first.route.path)
      const found = same.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method))
      if (found === undefined) return { kind: 'other-method', allowed: same.flatMap(({ route }) => methodsOf(route)) }
      const params = found.parts.flatMap((part, at): [string, string][] => {
        const name = nameOf(part)
        return name === undefined ? [] : [[name, segments[at]!]]
      })
      return { kind: 'found', route: found.route, params: Object.fromEntries(params) }
    },
  }
}

function nameOf(part: string): string | undefined {
  return part.startsWith('{') ? part.slice(1, -1) : undefined
}

function methodsOf({ method }: Route): string[] {
  return method === 'GET' ? ['GET', 'HEAD'] : [method]
}
