import * as v from 'valibot'
import { isFault, parseJson, type Shape } from '../../kit/index.ts'
import { isProjectName, normaliseName } from '../names/project-name.ts'
import { parseHtmlPage } from '../upstream/html-page.ts'
import type { CheckDesk } from './desk.ts'
import { askForms, type SeenPage } from './pages.ts'

const rootShape = v.object({ projects: v.array(v.object({ name: v.string() })) }) as unknown as Shape<{
  readonly projects: readonly { readonly name: string }[]
}>

/** The names of all projects, normalised; undefined where there is no index. Both forms have to list the same. */
export async function checkRoot(desk: CheckDesk, url: string): Promise<string[] | undefined> {
  const { json, html } = await askForms(desk, url)
  const [inJson, inHtml] = [json && namesIn(desk, json), html && namesIn(desk, html)]
  if (inJson !== undefined && inHtml !== undefined) {
    for (const name of inJson) if (!inHtml.has(name)) desk.tell(url, `${name} is in the JSON form alone`)
    for (const name of inHtml) if (!inJson.has(name)) desk.tell(url, `${name} is in the HTML form alone`)
  }
  if (inJson === undefined && inHtml === undefined) return undefined
  return [...new Set([...(inJson ?? []), ...(inHtml ?? [])])].sort()
}

function namesIn(desk: CheckDesk, page: SeenPage): Set<string> | undefined {
  const names = new Set<string>()
  const take = (name: string) => {
    if (!isProjectName(name)) desk.tell(page.url, `it lists ${JSON.stringify(name.slice(0, 200))}, which is no project's name`)
    else names.add(normaliseName(name))
  }
  try {
    if (page.form === 'json') for (const { name } of parseJson(rootShape, page.bytes, page.url).projects) take(name)
    else for (const { url } of parseHtmlPage(page.bytes, 'the index', page.url).files) take(projectAt(desk, page.url, url))
  } catch (error) {
    if (!isFault(error, 'corrupt') && !isFault(error, 'unsupported')) throw error
    desk.tell(page.url, error.message)
    return undefined
  }
  return names
}

/** Installers find a project at its name below the index, so a link elsewhere misleads people alone. */
function projectAt(desk: CheckDesk, page: string, href: string): string {
  const path = URL.parse(href, page)?.pathname ?? ''
  const name = path.replace(/\/$/, '').split('/').at(-1) ?? ''
  const expected = new URL(`./${name}/`, page).pathname
  if (path !== expected) desk.tell(page, `its link ${JSON.stringify(href.slice(0, 200))} does not lead to a project's page`)
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
