import { pluginConformance } from '../../src/index.ts'
import plugin from './index.ts'

pluginConformance(plugin, {
  root: new URL('.', import.meta.url),
  fixtures: new URL('../../../../plugins/bert/fixtures', import.meta.url),
})
