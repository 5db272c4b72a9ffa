// Where people and devices are. The base is a directory of tiles of this switch, or else a grid of degrees.

import L from "leaflet";
import { useEffect, useRef, useState } from "preact/hooks";
import { at, list } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { FenceRow, PositionRow } from "../api/types.ts";
import { Button, Panel } from "../parts/controls.tsx";
import { gridLines, stepFor } from "../parts/graticule.ts";
import { language, theme } from "../state/settings.ts";
import { act, names, onEvent } from "../state/store.ts";
import { moment } from "../words/times.ts";
import { say } from "../words/words.ts";

interface Tiles {
  available: boolean;
  address: string;
  least_zoom: number;
  most_zoom: number;
}

interface Layers {
  map: L.Map;
  units: L.FeatureGroup;
  fences: L.FeatureGroup;
}

const POSITIONS = "/location/positions";
const GEOFENCES = "/location/geofences";
const DAY_S = 86_400;
const CLOSEST = 18; // without a limit one unit alone would be looked at from no distance at all
const HOME: L.LatLngTuple = [39.9, 116.4];

function drawGrid(map: L.Map, layer: L.LayerGroup): void {
  layer.clearLayers();
  const bounds = map.getBounds();
  const step = stepFor(map.getZoom());
  const box = { south: bounds.getSouth(), north: bounds.getNorth(), west: bounds.getWest(), east: bounds.getEast() };
  for (const line of gridLines(box, step)) {
    L.polyline(line.points, { className: "graticule", interactive: false, weight: 1 }).addTo(layer);
    const icon = L.divIcon({ className: "degree", html: `<span>${line.label}</span>`, iconSize: [0, 0] });
    L.marker(line.points[0], { icon, interactive: false, keyboard: false }).addTo(layer);
  }
}

/** Where a unit has been since yesterday, drawn while its popup is open. */
async function showTrack(map: L.Map, unit: L.CircleMarker, number: string): Promise<void> {
  const since = new Date(Date.now() - DAY_S * 1000).toISOString();
  const points = await list<PositionRow>(`${POSITIONS}/${at(number)}/track?since=${since}&tolerance_m=5`);
  const line = points.map((each): L.LatLngTuple => [each.latitude, each.longitude]);
  const track = L.polyline(line, { className: "track" }).addTo(map);
  unit.once("popupclose remove", () => track.remove());
}

function drawPositions({ map, units: layer }: Layers, positions: PositionRow[]): void {
  layer.clearLayers();
  for (const each of positions) {
    const name = `${each.number} ${names.value.get(each.number) ?? ""}`;
    const label = document.createElement("span");
    label.textContent = name;
    const popup = document.createElement("p");
    popup.textContent = `${name} · ${moment(each.time)}`;
    const unit = L.circleMarker([each.latitude, each.longitude], { radius: 8, className: "unit" })
      .bindTooltip(label, { permanent: true, direction: "right", offset: [8, 0] })
      .bindPopup(popup)
      .addTo(layer);
    unit.on("popupopen", () => void act(() => showTrack(map, unit, each.number)));
  }
}

function drawGeofences(layer: L.FeatureGroup, fences: FenceRow[]): void {
  layer.clearLayers();
  for (const fence of fences) {
    const shape = fence.center
      ? L.circle(fence.center, { radius: fence.radius_m, className: "fence" })
      : L.polygon(fence.polygon, { className: "fence" });
    const label = document.createElement("span");
    label.textContent = fence.name || fence.id;
    shape.bindTooltip(label).addTo(layer);
  }
}

function makeMap(place: HTMLElement, tiles: Tiles | null): Layers {
  const map = L.map(place, { center: HOME, zoom: 10, maxZoom: CLOSEST, zoomControl: false, attributionControl: false });
  L.control.zoom({ zoomInTitle: say("zoom_in"), zoomOutTitle: say("zoom_out") }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  if (tiles?.available) {
    L.tileLayer(tiles.address, { minZoom: tiles.least_zoom, maxNativeZoom: tiles.most_zoom }).addTo(map);
  } else {
    const grid = L.layerGroup().addTo(map);
    map.on("moveend", () => drawGrid(map, grid));
    drawGrid(map, grid);
  }
  return { map, fences: L.featureGroup().addTo(map), units: L.featureGroup().addTo(map) };
}

async function lookForTiles(): Promise<Tiles | null> {
  const response = await fetch("/console/tiles.json");
  return response.ok ? ((await response.json()) as Tiles) : null;
}

export function MapView() {
  const place = useRef<HTMLDivElement>(null);
  const layers = useRef<Layers | null>(null);
  const [count, setCount] = useState(0);
  const [tiles, setTiles] = useState<Tiles | null | undefined>(undefined);
  const offered = offers(`GET ${POSITIONS}`);
  const look = () =>
    act(async () => {
      const shown = layers.current;
      if (!offered || !shown) return;
      const positions = await list<PositionRow>(POSITIONS);
      drawPositions(shown, positions);
      setCount(positions.length);
      if (offers(`GET ${GEOFENCES}`)) drawGeofences(shown.fences, await list<FenceRow>(GEOFENCES));
    });
  const fit = () => {
    const bounds = layers.current?.units.getBounds();
    if (bounds?.isValid()) layers.current?.map.fitBounds(bounds.pad(0.3));
  };
  useEffect(() => void lookForTiles().then(setTiles, () => setTiles(null)), []);
  useEffect(() => {
    if (!place.current || tiles === undefined) return undefined;
    layers.current = makeMap(place.current, tiles);
    void look().then(fit);
    const stop = onEvent((event) => event.type.startsWith("location.") && void look());
    return () => {
      stop();
      layers.current?.map.remove();
      layers.current = null;
    };
  }, [tiles, offered, theme.value, language.value]);
  return (
    <div class="view single map-view">
      <Panel title={say("map")} count={count} tools={<Button label={say("fit")} kind="quiet" onPress={fit} />}>
        {!offered && <p class="hint">{say("map_missing")}</p>}
        {tiles === null || tiles?.available === false ? <p class="hint">{say("no_tiles")}</p> : null}
        <div ref={place} class="map" role="application" aria-label={say("map")} />
      </Panel>
    </div>
  );
}
