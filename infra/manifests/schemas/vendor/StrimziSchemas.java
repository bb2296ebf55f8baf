import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.strimzi.crdgenerator.annotations.Maximum;
import io.strimzi.crdgenerator.annotations.Minimum;
import io.strimzi.crdgenerator.annotations.MinimumItems;
import io.strimzi.crdgenerator.annotations.Pattern;
import io.strimzi.crdgenerator.annotations.PresentInVersions;
import io.strimzi.crdgenerator.annotations.RequiredInVersions;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Prints a strict JSON schema of Strimzi's kinds in version `v1`, made from the classes that the operator reads them
 * with. Kubernetes' own types in them are references into the definitions of Kubernetes.
 */
final class StrimziSchemas {
    static final String VERSION = "v1";
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, ObjectNode> DEFINITIONS = new TreeMap<>();
    static final Set<String> OPEN = new HashSet<>();

    public static void main(String[] kinds) throws Exception {
        for (String kind : kinds) {
            Class<?> type = Class.forName("io.strimzi.api.kafka.model." + kind);
            ObjectNode root = JSON.createObjectNode().put("type", "object").put("additionalProperties", false);
            ObjectNode properties = root.putObject("properties");
            properties.putObject("apiVersion").put("const", "kafka.strimzi.io/" + VERSION);
            properties.putObject("kind").put("const", type.getSimpleName());
            properties.putObject("metadata").put("$ref", "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            Class<?> spec = (Class<?>) type.getMethod("getSpec").getReturnType();
            properties.set("spec", schema(JSON.constructType(spec)));
            root.putArray("required").add("apiVersion").add("kind").add("metadata").add("spec");
            DEFINITIONS.put("io.strimzi.kafka." + VERSION + "." + type.getSimpleName(), root);
        }
        ObjectNode out = JSON.createObjectNode();
        DEFINITIONS.forEach(out::set);
        System.out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(out));
    }

    static ObjectNode schema(JavaType type) {
        Class<?> raw = type.getRawClass();
        ObjectNode node = JSON.createObjectNode();
        if (raw == String.class) return node.put("type", "string");
        if (raw == boolean.class || raw == Boolean.class) return node.put("type", "boolean");
        if (raw == int.class || raw == Integer.class || raw == long.class || raw == Long.class || raw == short.class)
            return node.put("type", "integer");
        if (raw == double.class || raw == Double.class || raw == float.class || raw == Float.class)
            return node.put("type", "number");
        if (raw == Object.class || JsonNode.class.isAssignableFrom(raw)) return node;
        if (raw.isEnum()) return enumeration(node, raw);
        if (type.isMapLikeType()) {
            node.put("type", "object");
            node.set("additionalProperties", schema(type.getContentType()));
            return node;
        }
        if (type.isContainerType()) {
            node.put("type", "array");
            node.set("items", schema(type.getContentType()));
            return node;
        }
        String name = raw.getName();
        if (name.startsWith("io.fabric8.kubernetes.api.model.")) return kubernetes(node, raw);
        if (!name.startsWith("io.strimzi.")) throw new IllegalStateException("what is " + name);
        define(raw);
        return node.put("$ref", "#/$defs/" + name);
    }

    static ObjectNode enumeration(ObjectNode node, Class<?> raw) {
        ArrayNode values = node.putArray("enum");
        for (Object constant : raw.getEnumConstants()) values.add(JSON.convertValue(constant, JsonNode.class));
        return node;
    }

    static ObjectNode kubernetes(ObjectNode node, Class<?> raw) {
        String name = raw.getSimpleName();
        String group = raw.getName().contains(".networking.v1.") ? "io.k8s.api.networking.v1." : "io.k8s.api.core.v1.";
        return switch (name) {
            case "Quantity" -> node.put("$ref", "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity");
            case "IntOrString" -> node.put("$ref", "#/$defs/io.k8s.apimachinery.pkg.util.intstr.IntOrString");
            case "LabelSelector" -> node.put("$ref", "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector");
            default -> node.put("$ref", "#/$defs/" + group + name);
        };
    }

    /** Once; a class with subtypes is one of them, told by the property that names it. */
    static void define(Class<?> raw) {
        if (!OPEN.add(raw.getName())) return;
        JsonSubTypes subtypes = raw.getAnnotation(JsonSubTypes.class);
        JsonTypeInfo info = raw.getAnnotation(JsonTypeInfo.class);
        if (subtypes == null || info == null) {
            DEFINITIONS.put(raw.getName(), object(raw));
            return;
        }
        ObjectNode node = JSON.createObjectNode();
        ArrayNode choices = node.putArray("oneOf");
        for (JsonSubTypes.Type subtype : subtypes.value()) {
            if (!present(subtype.value().getAnnotation(PresentInVersions.class))) continue;
            ObjectNode choice = object(subtype.value());
            ((ObjectNode) choice.get("properties")).putObject(info.property()).put("const", subtype.name());
            ArrayNode required = choice.has("required") ? (ArrayNode) choice.get("required") : choice.putArray("required");
            boolean named = false;
            for (JsonNode field : required) named |= field.asText().equals(info.property());
            if (!named) required.add(info.property());
            choices.add(choice);
        }
        DEFINITIONS.put(raw.getName(), node);
    }

    static ObjectNode object(Class<?> raw) {
        ObjectNode node = JSON.createObjectNode().put("type", "object").put("additionalProperties", false);
        ObjectNode properties = node.putObject("properties");
        ArrayNode required = JSON.createArrayNode();
        var bean = JSON.getSerializationConfig().introspect(JSON.constructType(raw));
        for (var property : bean.findProperties()) {
            AnnotatedMember member = property.getGetter();
            if (member == null || !present(member.getAnnotation(PresentInVersions.class))) continue;
            ObjectNode value = schema(member.getType());
            limits(value, member);
            properties.set(property.getName(), value);
            RequiredInVersions since = member.getAnnotation(RequiredInVersions.class);
            if (property.isRequired() || since != null && applies(since.value())) required.add(property.getName());
        }
        if (!required.isEmpty()) node.set("required", required);
        return node;
    }

    static void limits(ObjectNode value, AnnotatedMember member) {
        Minimum minimum = member.getAnnotation(Minimum.class);
        if (minimum != null) value.put("minimum", minimum.value());
        Maximum maximum = member.getAnnotation(Maximum.class);
        if (maximum != null) value.put("maximum", maximum.value());
        MinimumItems items = member.getAnnotation(MinimumItems.class);
        if (items != null) value.put("minItems", items.value());
        Pattern pattern = member.getAnnotation(Pattern.class);
        if (pattern != null) value.put("pattern", pattern.value());
    }

    static boolean present(PresentInVersions versions) {
        return versions == null || applies(versions.value());
    }

    /** Written `v1`, `v1+` (and later), or `v1alpha1-v1beta2`. */
    static boolean applies(String versions) {
        List<String> order = List.of("v1alpha1", "v1beta1", "v1beta2", "v1");
        int ours = order.indexOf(VERSION);
        if (versions.endsWith("+")) return order.indexOf(versions.substring(0, versions.length() - 1)) <= ours;
        if (versions.contains("-")) {
            String[] ends = versions.split("-");
            return order.indexOf(ends[0]) <= ours && ours <= order.indexOf(ends[1]);
        }
        return versions.equals(VERSION);
    }
}
