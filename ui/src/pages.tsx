/** The bundle of all pages. Airflow takes the component by the name of the plugin's entry. */
import { App } from "./app/App";

/** Also the label of our entry in Airflow's navigation; `react_apps` in plugin.py says the same. */
const NAME = "Hedgehog";

Object.assign(globalThis, { [NAME]: App });
