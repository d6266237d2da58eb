/** The bundle of all pages. Airflow takes the component by the name of the plugin's entry. */
import { App } from "./app/App";
import { client } from "./app/client";
import { filtersOf, firstRows } from "./fleet/filters";
import { addresses } from "./shared/addresses";

/** Also the label of our entry in Airflow's navigation; `react_apps` in plugin.py says the same. */
const NAME = "Hedgehog";

Object.assign(globalThis, { [NAME]: App });

/** The rows of the fleet are asked for at once: they are often here before the page is drawn for the first time. */
function askForTheFleet(address: Location | undefined) {
  if (!address?.pathname.endsWith(addresses.fleet)) return;
  void client.prefetchInfiniteQuery(firstRows(filtersOf(new URLSearchParams(address.search))));
}

/**
 * React shows a placeholder for at least 300 ms, and Airflow shows one while it fetches this bundle; but a component that is
 * already there it draws directly. It only has to draw again, as its router does when the address may have changed.
 */
function replaceThePlaceholder() {
  globalThis.dispatchEvent?.(new PopStateEvent("popstate"));
}

askForTheFleet(globalThis.location);
replaceThePlaceholder();
