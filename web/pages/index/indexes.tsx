import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Ago, Badge, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText } from '../../parts/words.ts'
import { hrefTo } from '../../shell/place.ts'
import { RunNow } from '../jobs/of-command.tsx'

type Environment = Answers['getIndexEnvironment']
type Prefix = Environment['indexes'][number]

export function Indexes() {
  const answer = useAnswer('listIndexEnvironments', '/index')
  return (
    <Page
      title="Index"
      actions={
        <>
          <RunNow command="index mirror" label="Mirror now" />
          <RunNow command="index publish" label="Publish now" />
        </>
      }
    >
      <Shown of={answer}>
        {({ environments }) =>
          environments.length === 0 ? (
            <Empty command={'[index]\nbucket = "s3://BUCKET"\nprefixes = ["v2/gpu"]'}>
              No Python index is configured. Add one to holdfast.toml.
            </Empty>
          ) : (
            environments.map((each) => <EnvironmentShown key={each.name} of={each} />)
          )
        }
      </Shown>
    </Page>
  )
}

function EnvironmentShown({ of }: { readonly of: Environment }) {
  const { name, bucket, indexes, generation } = of
  return (
    <Section
      title={name}
      aside={
        <>
          <code>{bucket}</code> {of.protected && <Badge tone="warn">protected</Badge>}
          {generation !== undefined && <a href={hrefTo(['index', name, 'generations'])}>generation {countText(generation)}</a>}
        </>
      }
    >
      {indexes.length === 0 ? (
        <Empty command={`holdfast index publish all${name === 'default' ? '' : ` --env ${name}`}`}>Nothing was published here yet.</Empty>
      ) : (
        <Table label={`Indexes of ${name}`} columns={columnsOf(name)} rows={indexes} keyOf={({ prefix }) => prefix} />
      )}
    </Section>
  )
}

function columnsOf(name: string): Column<Prefix>[] {
  const to = (prefix: string) => hrefTo(['index', name, 'packages'], { prefix })
  return [
    {
      title: 'Index',
      isWide: true,
      cell: ({ prefix }) => (
        <a href={to(prefix)} data-row="">
          <strong>{prefix}</strong>
        </a>
      ),
    },
    { title: 'Packages', isNumber: true, cell: ({ prefix, projects }) => <a href={to(prefix)}>{countText(projects)}</a> },
    { title: 'Files', isNumber: true, cell: ({ prefix, files }) => <a href={to(prefix)}>{countText(files)}</a> },
    { title: 'Size', isNumber: true, cell: ({ bytes }) => <Size bytes={bytes} /> },
    {
      title: 'Generation',
      isNumber: true,
      cell: ({ prefix, generation }) => <a href={hrefTo(['index', name, 'generations'], { prefix })}>{countText(generation)}</a>,
    },
    {
      title: 'Last change',
      cell: ({ action, at }) => (
        <>
          {action}, <Ago at={at} />
        </>
      ),
    },
    {
      title: 'Check',
      cell: ({ prefix, refused }) =>
        refused === 0 ? (
          <Badge tone="good">all published</Badge>
        ) : (
          <a href={hrefTo(['index', name, 'packages'], { prefix, refused: 'true' })}>
            <Badge tone="warn">{countText(refused)} refused</Badge>
          </a>
        ),
    },
  ]
}
