/** The bundle of the card on Airflow's home page. */
import { CardApp } from "./card/CardApp";

/** `react_apps` in plugin.py says the same. */
const NAME = "Hedgehog fleet";

Object.assign(globalThis, { [NAME]: CardApp });
