"""Class names of the data sets, in the order of the released models' outputs."""

import colorsys
from functools import cache

from maskstream_model.port import ClassInfo

OVIS = (
    "person bird cat dog horse sheep cow elephant bear zebra giraffe poultry giant_panda lizard "
    "parrot monkey rabbit tiger fish turtle bicycle motorcycle airplane boat vehicle"
)
YTVIS19 = (
    "person giant_panda lizard parrot skateboard sedan ape dog snake monkey hand rabbit duck cat "
    "cow fish train horse turtle bear motorbike giraffe leopard fox deer owl surfboard airplane "
    "truck zebra tiger elephant snowboard boat shark mouse frog eagle earless_seal tennis_racket"
)
YTVIS21 = (
    "airplane bear bird boat car cat cow deer dog duck earless_seal elephant fish flying_disc fox "
    "frog giant_panda giraffe horse leopard lizard monkey motorbike mouse parrot person rabbit "
    "shark skateboard snake snowboard squirrel surfboard tennis_racket tiger train truck turtle "
    "whale zebra"
)
# panoVIPSeg_categories.json of VIPSeg, in the order of its ids: first the things, then the stuff.
VIPSEG_THINGS = (
    "door ladder window goal sculpture flag parasol_or_umbrella tent roadblock car bus truck "
    "bicycle motorcycle ship_or_boat raft airplane person cat dog horse cattle other_animal "
    "skateboard ball box traveling_case_or_trolley_case basket bag_or_package plate "
    "tub_or_bowl_or_pot bottle_or_cup barrel fishbowl bed pillow table_or_desk chair_or_seat "
    "bench sofa gun commode roaster refrigerator washing_machine Microwave_oven fan "
    "painting_or_poster mirror flower_pot_or_vase clock screen_or_television computer printer "
    "Mobile_phone keyboard instrument train"
)
VIPSEG_STUFF = (
    "wall ceiling stair escalator Playground_slide handrail_or_fence rail pillar pole floor "
    "ground grass sand athletic_field road path crosswalk building house bridge tower windmill "
    "well_or_well_lid other_construction sky mountain stone wood ice snowfield grandstand sea "
    "river lake waterfall water billboard_or_Bulletin_Board pipeline cushion_or_carpet "
    "wheeled_machine tyre traffic_light lamp tree flower other_plant toy ball_net backboard bat "
    "cupboard_or_showcase_or_storage_rack trash_can cage shelf bathtub other_machine curtain "
    "textiles clothes book tool blackboard tissue other_electronic_product fruit food"
)
# In the order of COCO's category ids; stuff as in its panoptic task. Written with spaces.
COCO_THINGS = (
    "person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant "
    "stop_sign parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe "
    "backpack umbrella handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat "
    "baseball_glove skateboard surfboard tennis_racket bottle wine_glass cup fork knife spoon "
    "bowl banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair couch "
    "potted_plant bed dining_table toilet tv laptop mouse remote keyboard cell_phone microwave "
    "oven toaster sink refrigerator book clock vase scissors teddy_bear hair_drier toothbrush"
)
COCO_STUFF = (
    "banner blanket bridge cardboard counter curtain door-stuff floor-wood flower fruit gravel "
    "house light mirror-stuff net pillow platform playingfield railroad river road roof sand sea "
    "shelf snow stairs tent towel wall-brick wall-stone wall-tile wall-wood water-other "
    "window-blind window-other tree-merged fence-merged ceiling-merged sky-other-merged "
    "cabinet-merged table-merged floor-other-merged pavement-merged mountain-merged grass-merged "
    "dirt-merged paper-merged food-other-merged building-other-merged rock-merged "
    "wall-other-merged rug-merged"
)
EVERYDAY = (
    "person bicycle car motorcycle bus train truck boat airplane bird cat dog horse sheep cow "
    "elephant bear bottle chair other"
)
"""Classes of `demo`; "other" is any thing of another class."""


def color_of(index: int) -> str:
    """Return a colour `#rrggbb` for a class index; neighbours differ by the golden angle."""
    hue = (0.02 + index * 0.618033988749895) % 1.0
    rgb = colorsys.hsv_to_rgb(hue, 0.55 + 0.3 * (index % 2), 0.95 - 0.15 * (index % 3))
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


@cache
def classes(things: str, stuff: str = "") -> tuple[ClassInfo, ...]:
    """Return classes with colours of their own.

    Args:
        things: names, separated by spaces.
        stuff: likewise; their indices follow those of the things.
    """
    names = [(name, True) for name in things.split()] + [(name, False) for name in stuff.split()]
    return tuple(ClassInfo(name, color_of(i), thing) for i, (name, thing) in enumerate(names))
