import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at, withQuery } from '../../api/client.ts'
import { Badge, Facts } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { countText } from '../../parts/words.ts'
import { hrefTo, place } from '../../shell/place.ts'

type Project = Answers['compareIndexes']['projects'][number]

export function IndexDifference({ environment }: { readonly environment: string }) {
  const { a = '', b = '' } = Object.fromEntries(place.value.query)
  const answer = useAnswer('compareIndexes', withQuery(`${at('index', environment)}/diff`, { a, b }))
  return (
    <Page title={`${a} and ${b}`} trail={[['Index', hrefTo(['index'])]]}>
      <Shown of={answer}>
        {({ projects, same, files }) => (
          <>
            <Facts
              of={[
                ['Added', countText(files.added)],
                ['Removed', countText(files.removed)],
                ['Changed', countText(files.changed)],
                ['Packages that are the same', countText(same)],
              ]}
            />
            {projects.length === 0 && <p class="fine">Both publish the same.</p>}
            {projects.map((project) => (
              <Section key={project.name} title={project.name}>
                <Files of={project} />
              </Section>
            ))}
          </>
        )}
      </Shown>
    </Page>
  )
}

function Files({ of: { added, removed, changed, refused } }: { readonly of: Project }) {
  const rows = [
    ...added.map(({ name }) => ({ name, tone: 'good' as const, what: 'added' })),
    ...removed.map(({ name }) => ({ name, tone: 'bad' as const, what: 'removed' })),
    ...changed.map(({ name, what }) => ({ name, tone: 'warn' as const, what: `changed: ${what.join(', ')}` })),
    ...refused.map(({ name, reason }) => ({ name, tone: 'warn' as const, what: `refused: ${reason}` })),
  ]
  return (
    <ul class="list">
      {rows.map(({ name, tone, what }) => (
        <li key={`${name} ${what}`}>
          <Badge tone={tone}>{what}</Badge> {name}
        </li>
      ))}
    </ul>
  )
}
