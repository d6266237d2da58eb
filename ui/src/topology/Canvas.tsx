/**
 * The picture. Moving and zooming changes one attribute of one group; React draws again only when the network or what is
 * highlighted changes, so a thousand servers stay fluid.
 */
import { Box, HStack, IconButton } from "@chakra-ui/react";
import { select } from "d3-selection";
import { type ZoomBehavior, zoom, zoomIdentity, zoomTransform } from "d3-zoom";
import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { type MouseEvent, memo, type ReactNode, type RefObject, useCallback, useEffect, useMemo, useRef } from "react";
import { linesOf, linkLooks, nearest, pathOf } from "./geometry";
import type { Highlight } from "./highlight";
import type { Picture, Placed } from "./layout";
import { NODE_STYLES, nodeClass } from "./looks";

const SCALE: [number, number] = [0.05, 4];
/** Below this, names could not be read. */
const NAMES_FROM = 0.45;
const REACH = 6;
const MARGIN = 24;
/** More links than this are drawn faintly: together they would hide what they lead to. */
const MANY = 400;

interface Props {
  label: string;
  picture: Picture;
  highlight: Highlight;
  /** The node to bring into view. */
  focus: string | null;
  height?: string;
  onNode: (id: string) => void;
  onLink: (id: string | null) => void;
}

export function Canvas({ label, picture, highlight, focus, height = "calc(100vh - 200px)", onNode, onLink }: Props) {
  const svg = useRef<SVGSVGElement>(null);
  const group = useRef<SVGGElement>(null);
  const lines = useMemo(() => linesOf(picture), [picture]);
  const view = useZoom(svg, group, picture, focus);
  const onClick = useCallback(
    (event: MouseEvent<SVGSVGElement>) => {
      if (!svg.current) return;
      const id = (event.target as Element).closest("[data-node]")?.getAttribute("data-node");
      if (id) return onNode(id);
      const frame = svg.current.getBoundingClientRect();
      const transform = zoomTransform(svg.current);
      const [x, y] = transform.invert([event.clientX - frame.left, event.clientY - frame.top]);
      onLink(nearest(lines, { x, y }, REACH / transform.k));
    },
    [lines, onNode, onLink],
  );
  const isDimmed = highlight.nodes.size > 0;
  return (
    <Box
      position="relative"
      borderWidth="1px"
      borderRadius="md"
      overflow="hidden"
      h={height}
      minH="400px"
      css={NODE_STYLES}
    >
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the list view and the search offer the same with the keyboard */}
      <svg ref={svg} role="img" aria-label={label} width="100%" height="100%" onClick={onClick} className="far">
        <g ref={group}>
          <g className={isDimmed ? "dim" : undefined}>
            <Links picture={picture} lines={lines} />
            <Nodes placed={picture.placed} />
          </g>
          {isDimmed && <Marked picture={picture} lines={lines} highlight={highlight} />}
        </g>
      </svg>
      <HStack position="absolute" top={2} insetEnd={2} gap={1}>
        <Control label="Zoom in" icon={<ZoomIn size={14} />} act={() => view.scale(1.4)} />
        <Control label="Zoom out" icon={<ZoomOut size={14} />} act={() => view.scale(1 / 1.4)} />
        <Control label="Show all" icon={<Maximize size={14} />} act={view.showAll} />
      </HStack>
    </Box>
  );
}

function Control({ label, icon, act }: { label: string; icon: ReactNode; act: () => void }) {
  return (
    <IconButton size="xs" variant="outline" colorPalette="gray" bg="bg" aria-label={label} title={label} onClick={act}>
      {icon}
    </IconButton>
  );
}

/** Moves and zooms the group, and shows all at first. */
function useZoom(
  svg: RefObject<SVGSVGElement | null>,
  group: RefObject<SVGGElement | null>,
  { placed, width, height }: Picture,
  focus: string | null,
) {
  const behavior = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const showAll = useCallback(() => {
    const frame = svg.current?.getBoundingClientRect();
    if (!svg.current || !frame || !behavior.current) return;
    const k = Math.min((frame.width - MARGIN) / width, (frame.height - MARGIN) / height, 1.2);
    const transform = zoomIdentity.translate((frame.width - width * k) / 2, (frame.height - height * k) / 2).scale(k);
    select(svg.current).call(behavior.current.transform, transform);
  }, [svg, width, height]);
  useEffect(() => {
    if (!svg.current) return;
    behavior.current = zoom<SVGSVGElement, unknown>()
      .scaleExtent(SCALE)
      .on("zoom", ({ transform }) => {
        group.current?.setAttribute("transform", transform.toString());
        svg.current?.classList.toggle("far", transform.k < NAMES_FROM);
      });
    select(svg.current).call(behavior.current).on("dblclick.zoom", null);
    showAll();
  }, [svg, group, showAll]);
  useEffect(() => {
    const target = focus ? placed.get(focus) : undefined;
    if (!svg.current || !behavior.current || !target) return;
    const selection = select(svg.current);
    if (zoomTransform(svg.current).k < NAMES_FROM) selection.call(behavior.current.scaleTo, 0.8);
    selection.call(behavior.current.translateTo, target.x, target.y);
  }, [svg, placed, focus]);
  const scale = useCallback(
    (by: number) => {
      if (svg.current && behavior.current) select(svg.current).call(behavior.current.scaleBy, by);
    },
    [svg],
  );
  return { showAll, scale };
}

type Lines = ReturnType<typeof linesOf>;

const Links = memo(function Links({ picture, lines }: { picture: Picture; lines: Lines }) {
  return [...linkLooks(picture.links)].map(([state, links]) => (
    <path
      key={state}
      className={`link ${state} ${links.length > MANY ? "many" : ""}`}
      d={links.map((link) => pathOf(lines.get(link.id) ?? [])).join("")}
    />
  ));
});

const Nodes = memo(function Nodes({ placed }: { placed: ReadonlyMap<string, Placed> }) {
  return [...placed.values()].map((one) => <Device key={one.node.id} placed={one} />);
});

/** What is highlighted, once more on top of the rest, which is dimmed. */
function Marked({ picture, lines, highlight }: { picture: Picture; lines: Lines; highlight: Highlight }) {
  return (
    <g className="marked">
      <path className="link marked" d={[...highlight.links].map((id) => pathOf(lines.get(id) ?? [])).join("")} />
      {[...highlight.nodes].map((id) => {
        const placed = picture.placed.get(id);
        return placed && <Device key={id} placed={placed} />;
      })}
    </g>
  );
}

const MOST_LETTERS = 13;

function Device({ placed: { node, x, y, width, height } }: { placed: Placed }) {
  const name = node.name.length > MOST_LETTERS ? `${node.name.slice(0, MOST_LETTERS - 1)}…` : node.name;
  return (
    <g className={`node ${node.layer} ${nodeClass(node)}`} data-node={node.id} transform={`translate(${x} ${y})`}>
      <rect x={-width / 2} y={-height / 2} width={width} height={height} rx={node.layer === "external" ? 16 : 4} />
      <text>{name}</text>
      <title>{`${node.name} (${node.role || node.layer})`}</title>
    </g>
  );
}
