// Where people and devices are. The base is a directory of tiles of this switch, or else a grid of degrees.

import L from "leaflet";
import { useEffect, useRef, useState } from "preact/hooks";
import { list } from "../api/client.ts";
import { offers } from "../api/offered.ts";
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

interface Position {
  number: string;
  latitude: number;
  longitude: number;
  time: string;
}

interface Geofence {
  id: string;
  name: string;
  kind: string;
  centre?: [number, number];
  radius_m?: number;
  points?: [number, number][];
}

const POSITIONS = "/location/positions";
const GEOFENCES = "/location/geofences";
const HOME: L.LatLngTuple = [39.9, 116.4];

function drawGrid(map: L.Map, layer: L.LayerGroup): void {
  layer.clearLayers();
  const bounds = map.getBounds();
  const step = stepFor(map.getZoom());
  const box = { south: bounds.getSouth(), north: bounds.getNorth(), west: bounds.getWest(), east: bounds.getEast() };
  for (const line of gridLines(box, step)) {
    L.polyline(line.points, { className: "graticule", interactive: false, weight: 1 }).addTo(layer);
    const icon = L.divIcon({ className: "degree", html: line.label, iconSize: [64, 14] });
    L.marker(line.points[0], { icon, interactive: false, keyboard: false }).addTo(layer);
  }
}

function drawPositions(layer: L.FeatureGroup, positions: Position[]): void {
  layer.clearLayers();
  for (const each of positions) {
    const name = `${each.number} ${names.value.get(each.number) ?? ""}`;
    L.circleMarker([each.latitude, each.longitude], { radius: 8, className: "unit" })
      .bindTooltip(name, { permanent: true, direction: "right", offset: [8, 0] })
      .bindPopup(`${name}<br>${moment(each.time)}`)
      .addTo(layer);
  }
}

function drawGeofences(layer: L.FeatureGroup, fences: Geofence[]): void {
  layer.clearLayers();
  for (const fence of fences) {
    const shape =
      fence.centre && fence.radius_m
        ? L.circle(fence.centre, { radius: fence.radius_m, className: "fence" })
        : L.polygon(fence.points ?? [], { className: "fence" });
    shape.bindTooltip(fence.name).addTo(layer);
  }
}

interface Layers {
  map: L.Map;
  units: L.FeatureGroup;
  fences: L.FeatureGroup;
}

function makeMap(place: HTMLElement, tiles: Tiles | null): Layers {
  const map = L.map(place, { center: HOME, zoom: 10, zoomControl: false, attributionControl: false });
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
      const positions = await list<Position>(POSITIONS);
      drawPositions(shown.units, positions);
      setCount(positions.length);
      if (offers(`GET ${GEOFENCES}`)) drawGeofences(shown.fences, await list<Geofence>(GEOFENCES));
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
