import { readFile } from 'node:fs/promises'
import test from 'ava'
import { typeErrors } from '../helpers/type-check.ts'

interface Panel {
  type: string
  options: object
  fieldConfig: { defaults: { custom?: object } }
}

test('the dashboard and its panels are what the types of Grafana say', async (t) => {
  const file = new URL('../../deploy/grafana/blobcached.json', import.meta.url)
  const dashboard = JSON.parse(await readFile(file, 'utf8'))
  const raw = '@grafana/schema/dist/esm/raw'
  const imports = `import type { Dashboard } from '${raw}/dashboard/x/Dashboard_types.gen'
import type * as stat from '${raw}/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type * as timeseries from '${raw}/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'`
  const panels = (dashboard.panels as Panel[]).filter(({ type }) => type !== 'row')
  t.true(panels.length > 20)
  const values = panels.flatMap(({ type, options, fieldConfig: { defaults } }) => [
    { value: options, type: `${type}.Options` },
    ...(defaults.custom ? [{ value: defaults.custom, type: `${type}.FieldConfig` }] : []),
  ])
  t.is(await typeErrors(imports, [{ value: dashboard, type: 'Dashboard' }, ...values]), '')
})
