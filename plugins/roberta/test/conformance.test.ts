import { pluginConformance } from '@silane/testkit'
import roberta from '../src/index.ts'

pluginConformance(roberta, { root: new URL('..', import.meta.url) })
