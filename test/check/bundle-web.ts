/** The dashboard as four files: a page, one script, one style sheet and an icon, all but the page named by what is in them. */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { rolldown } from 'rolldown'

const root = path.resolve(import.meta.dirname, '../..')
const web = path.join(root, 'web')

/** Gives the modules that the script was made of. */
export async function bundleWeb(folder: string): Promise<readonly string[]> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const build = await rolldown({
    input: path.join(web, 'main.tsx'),
    cwd: web,
    platform: 'browser',
    tsconfig: path.join(web, 'tsconfig.json'),
  })
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
  const [script] = output
  const styles = globSync('style/*.css', { cwd: web })
    .toSorted()
    .map((file) => readFileSync(path.join(web, file), 'utf8'))
  const write = (name: string, ending: string, text: string) => {
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 12)
    const file = `${name}.${digest}.${ending}`
    writeFileSync(path.join(folder, file), text)
    return file
  }
  const names = {
    'main.js': write('main', 'js', script.code),
    'style.css': write('style', 'css', withoutSpace(styles.join('\n'))),
    'icon.svg': write('icon', 'svg', readFileSync(path.join(web, 'icon.svg'), 'utf8')),
  }
  let page = readFileSync(path.join(web, 'index.html'), 'utf8')
  for (const [name, file] of Object.entries(names)) page = page.replaceAll(`assets/${name}`, `assets/${file}`)
  writeFileSync(path.join(folder, 'index.html'), page)
  return script.moduleIds
}

/** Comments and indentation. */
function withoutSpace(css: string): string {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\n\s*/g, '\n')
    .trim()
}
